"""Loads the sample bank into a new laptop stage, before it answers requests."""

from banks.reading import read_bank
from lambdas.questions.use_cases import save_questions
from lambdas.shared.services import services
from local.data_folder import ROOT

SAMPLE_BANK = ROOT / "local" / "sample_bank.jsonl"


def load_sample_bank() -> None:
    """Save all of it in one request's worth; repeating changes nothing."""
    with SAMPLE_BANK.open("rb") as content:
        items = list(read_bank(content, SAMPLE_BANK.name))
    save_questions(services(), [item.question.body() for item in items if item.question])
