"""A bank of made-up questions, about as long as real ones."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

CATEGORIES = (
    "anatomy",
    "botany",
    "chemistry",
    "economics",
    "geology",
    "history",
    "law",
    "music",
)
_SYLLABLES = ("ka", "lo", "mi", "ren", "ta", "vu", "sor", "el", "din", "pha", "qui", "zen")


def write_bank(
    file: Path, questions: int, seed: int = 1, categories: Sequence[str] = CATEGORIES
) -> None:
    """Write questions as JSON Lines, spread over the categories; a fifth is multiple choice."""
    random = Random(seed)
    with file.open("w", encoding="utf-8") as lines:
        for number in range(questions):
            category = categories[number % len(categories)]
            lines.write(json.dumps(_question(category, number, random)) + "\n")


def _question(category: str, number: int, random: Random) -> dict[str, object]:
    multiple = number % 5 == 0
    right = random.sample(range(4), 2) if multiple else [random.randrange(4)]
    return {
        "category": category,
        "text": f"{number}. {_words(random, 14).capitalize()}?",
        "type": "MULTIPLE_CHOICE" if multiple else "SINGLE_CHOICE",
        "answers": [
            {"text": f"{_words(random, 4)} {place}", "correct": place in right}
            for place in range(4)
        ],
        "explanation": f"{_words(random, 30).capitalize()}.",
    }


def _words(random: Random, count: int) -> str:
    return " ".join("".join(random.choices(_SYLLABLES, k=3)) for _ in range(count))
