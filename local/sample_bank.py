"""Loads the sample bank into a new laptop stage, before it answers requests."""

import json

from lambdas.questions.use_cases import save_questions
from lambdas.shared.services import services
from local.data_folder import ROOT

SAMPLE_BANK = ROOT / "local" / "sample_bank.jsonl"
"""Questions as the HTTP contract has them, so the formats of `banks` need not be imported."""


def load_sample_bank() -> None:
    """Save all of it in one request's worth; repeating changes nothing."""
    lines = SAMPLE_BANK.read_text(encoding="utf-8").splitlines()
    save_questions(services(), [json.loads(line) for line in lines])
