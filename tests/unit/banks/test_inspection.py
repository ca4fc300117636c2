"""The description of a bank: counts, reasons and one JSON object."""

import json

from banks.inspection import as_json, summarize
from banks.reading import read_bytes

BANK = b"""$CATEGORY: World History

first {=a ~%50%b}

First! {=a ~b ~c}

q {}

second {T}
"""


def test_a_bank_is_counted() -> None:
    summary = summarize(read_bytes(BANK, "bank.gift"))
    assert (summary.questions, summary.importable) == (4, 3)
    assert summary.by_type == {"multichoice/single": 2, "essay": 1, "truefalse": 1}
    assert summary.refused == {"essay": 1}
    assert summary.categories == {"world-history": 3}
    assert summary.notices == {
        "partial credit is lost: only the answer with full marks is right": "line 3",
        "category 'World History' becomes 'world-history'": "line 3",
    }
    assert [str(near) for near in summary.near_duplicates] == [
        "line 5: nearly the same as line 3 (same text, other choices)"
    ]


def test_the_json_object() -> None:
    bank = read_bytes(BANK, "bank.gift")
    pieces = as_json(bank.format, summarize(read_bytes(BANK, "bank.gift")), bank)
    described = json.loads("".join(pieces))
    items = described.pop("items")
    assert described == {
        "format": "GIFT",
        "questions": 4,
        "byType": {"multichoice/single": 2, "essay": 1, "truefalse": 1},
        "importable": 3,
        "refused": {"essay": 1},
    }
    assert items[0] == {
        "place": "line 3",
        "text": "first",
        "type": "multichoice/single",
        "answers": [{"text": "a", "correct": True}, {"text": "b", "correct": False}],
        "explanation": "",
        "refused": None,
    }
    assert items[2] == {
        "place": "line 7",
        "text": "q",
        "type": "essay",
        "answers": [],
        "explanation": "",
        "refused": "essay: an essay cannot be graded by choices",
    }
    assert items[3]["answers"][0] == {"text": "True", "correct": True, "pinned": True}
