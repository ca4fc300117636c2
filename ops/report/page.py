"""The report as one HTML page that needs nothing else: no network, no script, no file beside it.

`page.html` is the page. Jinja2 escapes every value, so that the bank's texts appear as they were
written, never as HTML, Markdown or LaTeX. The same reading gives the same page.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from domain.statistics.item import POOR_DISCRIMINATION
from ops.report import plots
from ops.report.cards import (
    FLAG_WORDS,
    SHAPES,
    advice,
    anchor,
    discrimination,
    kind,
    seconds,
    share,
)
from ops.report.reading import CategoryReading, Item, Reading

if TYPE_CHECKING:
    from lambdas.contract import statistics_responses

MOST_CARDS = 25
"""Cards of a category."""

_FOLDER = Path(__file__).parent
_LONG = 90

_FLAG_MEANINGS = {
    "MISLEADING": "more of the strongest learners take some wrong choice than a right one",
    "AMBIGUOUS": "a wrong choice rivals the right one among the strongest, and strength hardly "
    "helps",
    "TOO_HARD": "at most 20% are right at first try",
    "TOO_EASY": "at least 95% are right at first try",
}


def page(reading: Reading, written: datetime) -> str:
    """Return the page; `written` is its date, in UTC."""
    counted = [each.statistics for each in reading.categories]
    tries = sum(each["firstTries"] for each in counted)
    right = sum(each["firstTriesCorrect"] for each in counted)
    answered = [each for each in reading.categories if each.statistics["attempts"]]
    return (
        _environment()
        .get_template("page.html")
        .render(
            stage=reading.stage,
            style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own  # nosec B704
            written=f"{written:%Y-%m-%d %H:%M}",
            newest=max((each["asOf"] for each in counted if each["asOf"]), default=None),
            tiles=[
                ("answers", _count(sum(each["attempts"] for each in counted))),
                ("first tries", _count(tries)),
                ("right at first try", share(right / tries if tries else None)),
                ("questions in use", _count(sum(each["questions"] for each in counted))),
                ("flags", _count(sum(map(_flagged, counted)))),
            ],
            answered=answered,
            overview=map(_overview_row, reading.categories),
            notes=list(_notes(reading)),
            shown=[_category(each) for each in answered if each.items],
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["shapes"] = SHAPES
    environment.filters |= {
        "advice": advice,
        "anchor": anchor,
        "count_of": _count,
        "discrimination": discrimination,
        "flag_words": FLAG_WORDS.__getitem__,
        "kind": kind,
        "minute": lambda iso: f"{iso[:10]} {iso[11:16]} UTC",
        "seconds": seconds,
        "share": share,
    }
    return environment


def _overview_row(each: CategoryReading) -> Sequence[str]:
    counted = each.statistics
    link = Markup('<a href="#c-{}">{}</a>').format(counted["category"], each.title)
    return (
        link if each.items else each.title,
        _count(counted["questions"]),
        _count(counted["attempts"]),
        share(counted["facility"]),
        _count(_flagged(counted)),
    )


def _notes(reading: Reading) -> Iterator[str]:
    if any(each.statistics["attempts"] and not each.items for each in reading.categories):
        yield "Categories without a link were answered less than those shown below."
    if reading.left_out:
        yield f"{reading.left_out:,} more categories are left out."


def _category(each: CategoryReading) -> Mapping[str, Any]:
    counted, cards = each.statistics, _to_look_at(each)
    flagged = sum(bool(item.statistics["flags"]) for item in each.items)
    counts = dict(zip(FLAG_WORDS, _flag_counts(counted), strict=True))
    return {
        "title": each.title,
        "counted": counted,
        "read": len(each.items),
        "is_partial": counted["questions"] > len(each.items),
        "map": _map(each),
        "legend": [
            {
                "style": words.replace(" ", "-"),
                "count": counts[flag],
                "words": words,
                "meaning": _FLAG_MEANINGS[flag],
            }
            for flag, words in FLAG_WORDS.items()
        ],
        "plots": list(_plots(each)),
        "cards": cards,
        "more_flagged": flagged - sum(bool(item.statistics["flags"]) for item in cards),
    }


def _plots(each: CategoryReading) -> Iterator[Mapping[str, Any]]:
    counted, name, title = each.statistics, each.statistics["category"], each.title
    bands = counted["facilities"]
    yield _figure(
        "How hard the questions are",
        plots.facilities(f"{name}-facilities", f"Bars: questions by facility, {title}", bands),
        "Far to the left, hardly anybody is right at first try; far to the right, nearly all.",
        ("right at first try", "questions"),
        [(f"{band['from']:.0%} to {band['to']:.0%}", _count(band["questions"])) for band in bands],
    )
    if learning := counted["learning"]:
        yield _figure(
            "How learners learn",
            plots.learning_curve(f"{name}-learning", f"Learning curve, {title}", learning),
            "A learner who is right at once and never meets the question again is in the first "
            "point alone. Hollow points: fewer than 30 answers.",
            ("try", "answers", "right"),
            [
                (
                    f"{tried['attempt']}{'+' if tried['attempt'] == 8 else ''}",
                    _count(tried["answers"]),
                    share(tried["correct"] / tried["answers"]),
                )
                for tried in learning
            ],
        )
    if depths := counted["poolDepth"]:
        yield _figure(
            "What is owed over a session",
            plots.pool_depth(f"{name}-pool", f"Pool depth over a session, {title}", depths),
            "Mean number of questions that wait to be answered right again. Hollow points: fewer "
            "than 30 answers.",
            ("answer of a session", "answers", "in the pool"),
            [
                (_span(depth), _count(depth["answers"]), f"{depth['meanDepth']:.2f}")
                for depth in depths
            ],
        )
    months = _months(each.items)
    if len(months) > 1:
        yield _figure(
            "First tries by month",
            plots.by_month(f"{name}-months", f"Right first tries by month, {title}", months),
            "Only the questions looked at one by one. Hollow points: fewer than 30 first tries.",
            ("month", "first tries", "right"),
            [
                (
                    month["month"],
                    _count(month["firstTries"]),
                    share(month["correct"] / month["firstTries"]),
                )
                for month in months
            ],
        )


def _map(each: CategoryReading) -> Mapping[str, Any]:
    chosen = set(map(anchor, _to_look_at(each)))
    dots = [
        plots.Dot(
            item.number,
            item.statistics["facility"] or 0.0,
            item.statistics["discrimination"]["value"] or 0.0,
            item.statistics["firstTries"] >= plots.FEW,
            kind(item),
            f"Question {item.number}: {_one_line(item.question['text'])}",
            anchor(item) if anchor(item) in chosen else None,
        )
        for item in each.items
        if item.statistics["discrimination"]["value"] is not None
        and item.statistics["discrimination"]["firstTries"] >= plots.LEAST_ON_MAP
    ]
    name = each.statistics["category"]
    label = f"Map of {len(dots)} questions by facility and discrimination, {each.title}"
    absent = len(each.items) - len(dots)
    caption = (
        "Each dot is a question; flagged ones bear their numbers, where there is room, and lead to "
        "their cards. In the shaded strip, strong learners do hardly better than weak ones; below "
        "the line at 0, worse."
    )
    if absent:
        caption += f" {absent:,} questions have too few tries for a place on the map."
    rows = [
        (
            f"{item.number}",
            _one_line(item.question["text"]),
            _count(item.statistics["firstTries"]),
            share(item.statistics["facility"]),
            discrimination(item.statistics["discrimination"]),
            seconds(item.statistics["timeSpent"]["median"]),
            ", ".join(FLAG_WORDS[flag] for flag in item.statistics["flags"]),
        )
        for item in each.items
    ]
    head = ("No.", "question", "first tries", "right", "discrimination", "median time", "flags")
    plot = plots.item_map(f"{name}-map", label, dots, POOR_DISCRIMINATION)
    return _figure("The map of questions", plot, caption, head, rows) | {"words": "question"}


def _figure(
    title: str, plot: str, caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Return the arguments of the template's figure; `plot` is SVG, whose texts are escaped."""
    svg = Markup(plot)  # noqa: S704 - plots.py escapes it  # nosec B704
    return {"title": title, "plot": svg, "caption": caption, "head": head, "rows": rows}


def _to_look_at(each: CategoryReading) -> list[Item]:
    """Return the flagged and the worst ten, as many as there are cards; the worst first."""
    places = {poor["questionId"]: place for place, poor in enumerate(each.statistics["worst"])}
    order = list(FLAG_WORDS)

    def badness(item: Item) -> tuple[int, int, float, int]:
        told = item.statistics
        flag = min(map(order.index, told["flags"]), default=len(order))
        place = places.get(item.question["questionId"], len(places))
        return place, flag, told["discrimination"]["value"] or 0.0, item.number

    chosen = [
        item
        for item in each.items
        if item.statistics["flags"] or item.question["questionId"] in places
    ]
    return sorted(chosen, key=badness)[:MOST_CARDS]


def _months(items: Iterable[Item]) -> "list[statistics_responses.MonthStatistics]":
    sums: dict[str, statistics_responses.MonthStatistics] = {}
    for item in items:
        for month in item.statistics["months"]:
            known = sums.get(month["month"])
            sums[month["month"]] = {
                "month": month["month"],
                "firstTries": month["firstTries"] + (known["firstTries"] if known else 0),
                "correct": month["correct"] + (known["correct"] if known else 0),
            }
    return [sums[month] for month in sorted(sums)]


def _flagged(counted: "statistics_responses.CategoryStatistics") -> int:
    """Count flags; a question may have two of them."""
    return sum(_flag_counts(counted))


def _flag_counts(counted: "statistics_responses.CategoryStatistics") -> tuple[int, ...]:
    """Count the questions of each flag, the worst flag first."""
    flags = counted["flags"]
    return flags["misleading"], flags["ambiguous"], flags["tooHard"], flags["tooEasy"]


def _span(depth: "statistics_responses.PoolDepth") -> str:
    first, last = depth["fromAnswer"], depth["toAnswer"]
    if last is None:
        return f"{first:,} on"
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONG else f"{words[: _LONG - 1].rstrip()}…"


def _count(number: int) -> str:
    return f"{number:,}"
