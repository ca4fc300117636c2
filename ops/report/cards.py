"""A question as a card: what it asks, how often each choice was taken, and what to do about it."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from domain.statistics.item import FEWEST_FIRST_TRIES, POOR_DISCRIMINATION
from ops.report.reading import Item

if TYPE_CHECKING:
    from lambdas.contract import responses

FLAG_WORDS: Mapping[str, str] = {
    "MISLEADING": "misleading",
    "AMBIGUOUS": "ambiguous",
    "TOO_HARD": "too hard",
    "TOO_EASY": "too easy",
}
"""The worst first."""

_SHAPES = {
    "plain": '<circle cx="8" cy="8" r="5.5"/>',
    "misleading": '<path d="M8 2 14.5 14H1.5Z"/>',
    "ambiguous": '<path d="M8 1.5 14.5 8 8 14.5 1.5 8Z"/>',
    "too-hard": '<path d="M8 14 14.5 2H1.5Z"/>',
    "too-easy": '<path d="M2.5 2.5h11v11h-11Z"/>',
}
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


def mark(style: str) -> str:
    """Return the shape that stands for a style, as on the map."""
    return (
        f'<svg class="mark {style}" viewBox="0 0 16 16" aria-hidden="true" fill="currentColor">'
        f"{_SHAPES[style]}</svg>"
    )


def anchor(item: Item) -> str:
    """Return the id of a question's card."""
    return f"q-{item.question['questionId'].replace(':', '-')}"


def card(item: Item) -> str:
    """Return the card."""
    style, told = kind(item), item.statistics
    names = ", ".join(FLAG_WORDS[flag] for flag in told["flags"])
    flag = f'<span class="flag {style}">{mark(style)} {names}</span>' if names else ""
    identifier = f'<span class="quiet">{item.question["questionId"]}</span>'
    facts = [
        ("right at first try", f"{share(told['facility'])} of {told['firstTries']:,}"),
        ("discrimination", discrimination(told["discrimination"])),
        ("median time", seconds(told["timeSpent"]["median"])),
    ]
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    several = " (several are right)" if item.question["type"] == "MULTIPLE_CHOICE" else ""
    return f"""<article class="card {style}" id="{anchor(item)}">
<header><h4>Question {item.number} {identifier}</h4>{flag}</header>
<p class="text" dir="auto">{escape(item.question["text"])}</p>
{_choices(told, several)}
<dl class="facts">{listed}</dl>
<p class="todo"><strong>What to do:</strong> {escape(advice(told))}</p>
</article>"""


def advice(told: "responses.QuestionStatistics") -> str:
    """Say in a sentence what to do about a question, by its worst flag."""
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


def _choices(told: "responses.QuestionStatistics", several: str) -> str:
    rows = []
    for each in told["choices"]:
        style = ' class="correct"' if each["correct"] else ""
        tick = '<span class="tick">✓ right</span> ' if each["correct"] else ""
        rows.append(
            f'<tr{style}><td>{tick}<span class="choice" dir="auto">{escape(each["text"])}</span>'
            f"</td><td>{_bar(each['takenAtFirst'], told['firstTries'])}</td>"
            f"<td>{_bar(each['takenByStrongest'], told['strongest']['learners'])}</td></tr>"
        )
    return (
        f'<table class="choices"><thead><tr><th scope="col">Choice{several}</th>'
        '<th scope="col">taken at first try</th>'
        f'<th scope="col">by the strongest {told["strongest"]["learners"]:,}</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _bar(taken: int, of: int) -> str:
    if not of:
        return NOTHING
    return (
        f"{taken / of:.0%} <span class='quiet'>({taken:,})</span>"
        f'<span class="bar"><i style="width:{100 * taken / of:.1f}%"></i></span>'
    )


def _wrong(told: "responses.QuestionStatistics") -> "list[responses.ChoiceStatistics]":
    return [each for each in told["choices"] if not each["correct"]]


def _idle(told: "responses.QuestionStatistics") -> str:
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


def discrimination(found: "responses.Discrimination") -> str:
    """Return a discrimination with its interval."""
    if found["value"] is None:
        return "not known yet"
    value = _signed(found["value"])
    if found["low"] is None or found["high"] is None:
        return value
    return f"{value} ({_signed(found['low'])} to {_signed(found['high'])})"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
