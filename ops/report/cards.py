"""Words and figures of a question's card, card.html."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from domain.statistics.item import FEWEST_FIRST_TRIES, POOR_DISCRIMINATION
from ops.report.reading import Item

if TYPE_CHECKING:
    from lambdas.contract import statistics_responses

FLAG_WORDS: Mapping[str, str] = {
    "MISLEADING": "misleading",
    "AMBIGUOUS": "ambiguous",
    "TOO_HARD": "too hard",
    "TOO_EASY": "too easy",
}
"""The worst first."""

SHAPES = {
    "plain": Markup('<circle cx="8" cy="8" r="5.5"/>'),
    "misleading": Markup('<path d="M8 2 14.5 14H1.5Z"/>'),
    "ambiguous": Markup('<path d="M8 1.5 14.5 8 8 14.5 1.5 8Z"/>'),
    "too-hard": Markup('<path d="M8 14 14.5 2H1.5Z"/>'),
    "too-easy": Markup('<path d="M2.5 2.5h11v11h-11Z"/>'),
}
"""SVG of the mark of each kind of question, as on the map."""
_FLAG_ADVICE = {
    "MISLEADING": "More of the strongest learners take “{rival}” than a right choice: check the "
    "answer key first, and then what makes that choice look right.",
    "AMBIGUOUS": "“{rival}” is nearly as good to those who know, and strength hardly helps: say in "
    "the question what rules it out.",
    "TOO_HARD": "Only {right} are right at first try: check that it was taught and is worded "
    "plainly, or keep it for the advanced.",
    "TOO_EASY": "Nearly everybody is right at once: keep it to warm up, or give it a wrong choice "
    "that tempts{idle}.",
}

_SELDOM = 0.03
"""Share of first tries below which a wrong choice tempts nobody."""

_LONG = 60

NOTHING = "\N{EN DASH}"
"""In place of a figure that there is not."""


def kind(item: Item) -> str:
    """Return the name of the style of a question: that of its worst flag, or plain."""
    flags = item.statistics["flags"]
    return FLAG_WORDS[flags[0]].replace(" ", "-") if flags else "plain"


def anchor(item: Item) -> str:
    """Return the id of a question's card."""
    return f"q-{item.question['questionId'].replace(':', '-')}"


def advice(told: "statistics_responses.QuestionStatistics") -> str:
    """Return one sentence of advice on a question, by its worst flag."""
    found = told["discrimination"]["value"]
    if told["flags"]:
        return _FLAG_ADVICE[told["flags"][0]].format(
            rival=_short(max(_wrong(told), key=lambda each: each["takenByStrongest"])["text"]),
            right=share(told["facility"]),
            idle=_idle(told),
        )
    if told["firstTries"] < FEWEST_FIRST_TRIES or found is None:
        return "Wait: too few learners have tried it to judge it."
    if found < 0:
        return (
            "Weak learners do better here than strong ones: look for a trick in the wording, and "
            "at the answer key."
        )
    if found < POOR_DISCRIMINATION:
        return f"It hardly tells strong from weak learners: sharpen the wrong choices{_idle(told)}."
    return "Nothing: it does its work, and stands here only as one of the ten that do it least."


def _wrong(
    told: "statistics_responses.QuestionStatistics",
) -> "list[statistics_responses.ChoiceStatistics]":
    return [each for each in told["choices"] if not each["correct"]]


def _idle(told: "statistics_responses.QuestionStatistics") -> str:
    """Name the wrong choice that tempts least, if it tempts nobody."""
    least = min(_wrong(told), key=lambda each: each["takenAtFirst"])
    if least["takenAtFirst"] >= _SELDOM * told["firstTries"]:
        return ""
    return f", in place of “{_short(least['text'])}”, which hardly anybody takes"


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONG else f"{one_line[: _LONG - 1].rstrip()}…"


def share(value: float | None) -> str:
    """Return a share in words for people."""
    return NOTHING if value is None else f"{value:.0%}"


def seconds(value: float | None) -> str:
    """Return a time in words for people."""
    if value is None:
        return NOTHING
    return f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"


def discrimination(found: "statistics_responses.Discrimination") -> str:
    """Return a discrimination with its interval."""
    if found["value"] is None:
        return "not known yet"
    value = _signed(found["value"])
    if found["low"] is None or found["high"] is None:
        return value
    return f"{value} ({_signed(found['low'])} to {_signed(found['high'])})"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
