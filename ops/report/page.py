"""The report as one HTML page that needs nothing else: no network, no script, no file beside it.

All that comes from the bank is shown as it was written, never read as HTML, Markdown or LaTeX. The
same reading gives the same page.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from domain.statistics.item import POOR_DISCRIMINATION
from ops.report import plots
from ops.report.cards import (
    FLAG_WORDS,
    anchor,
    card,
    discrimination,
    kind,
    mark,
    seconds,
    share,
)
from ops.report.reading import CategoryReading, Item, Reading

if TYPE_CHECKING:
    from lambdas.contract import responses

MOST_CARDS = 25
"""Cards of a category."""

_STYLE = Path(__file__).with_name("page.css")
_LONG = 90
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_FLAG_MEANINGS = {
    "MISLEADING": "of the strongest learners, more take some wrong choice than a right one",
    "AMBIGUOUS": "a wrong choice rivals the right one among the strongest, and strength hardly "
    "helps",
    "TOO_HARD": "at most 20% are right at first try",
    "TOO_EASY": "at least 95% are right at first try",
}


def page(reading: Reading, written: datetime) -> str:
    """Return the page; `written` is when, in UTC."""
    answered = [each for each in reading.categories if each.statistics["attempts"]]
    body = [_head(reading, written)]
    if answered:
        body += [_overview(reading)]
        body += [_category(each) for each in answered if each.items]
        body += [_GLOSSARY]
    else:
        body += [_nothing(reading)]
    title = f"How the questions of {escape(reading.stage)} behave"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<main>
{"".join(body)}</main>
</body>
</html>
"""


def _head(reading: Reading, written: datetime) -> str:
    all_of = [each.statistics for each in reading.categories]
    tries = sum(each["firstTries"] for each in all_of)
    right = sum(each["firstTriesCorrect"] for each in all_of)
    newest = max((each["asOf"] for each in all_of if each["asOf"]), default=None)
    tiles = [
        ("answers", f"{sum(each['attempts'] for each in all_of):,}"),
        ("first tries", f"{tries:,}"),
        ("right at first try", share(right / tries if tries else None)),
        ("questions in use", f"{sum(each['questions'] for each in all_of):,}"),
        ("flags", f"{sum(map(_flagged, all_of)):,}"),
    ]
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles)
    up_to = f"; newest answer {_minute(newest)}" if newest else ""
    return f"""<header>
<h1>How the questions behave</h1>
<p class="quiet">Stage {escape(reading.stage)}, written {written:%Y-%m-%d %H:%M} UTC{up_to}. \
The page holds right answers: it is not for learners.</p>
<dl class="tiles">{listed}</dl>
</header>
"""


def _nothing(reading: Reading) -> str:
    questions = sum(each.statistics["questions"] for each in reading.categories)
    said = (
        "Nobody has answered a question yet. As soon as learners play, this page will have plots."
        if questions
        else "The stage has no questions yet: import a bank first."
    )
    return f'<p class="note">{said}</p>\n'


def _overview(reading: Reading) -> str:
    rows = []
    for each in reading.categories:
        told = each.statistics
        name = escape(each.title)
        rows.append(
            (
                f'<a href="#c-{told["category"]}">{name}</a>' if each.items else name,
                f"{told['questions']:,}",
                f"{told['attempts']:,}",
                share(told["facility"]),
                f"{_flagged(told):,}",
            )
        )
    head = ("Category", "questions", "answers", "right at first try", "flags")
    notes = []
    if any(each.statistics["attempts"] and not each.items for each in reading.categories):
        notes.append("Categories without a link were answered less than those shown below.")
    if reading.left_out:
        notes.append(f"{reading.left_out:,} more categories are left out.")
    said = f'<p class="quiet">{" ".join(notes)}</p>' if notes else ""
    return f'<section class="overview">{_table("Categories", head, rows)}</section>{said}\n'


def _category(each: CategoryReading) -> str:
    told = each.statistics
    missing = told["questions"] - len(each.items)
    partly = (
        f" Of its {told['questions']:,} questions the worst and the first, {len(each.items):,} in "
        "all, are looked at one by one."
        if missing > 0
        else ""
    )
    return f"""<section aria-labelledby="c-{told["category"]}">
<h2 id="c-{told["category"]}">{escape(each.title)}</h2>
<p class="quiet">{told["attempts"]:,} answers to {told["answered"]:,} of {told["questions"]:,} \
questions; {told["judged"]:,} were tried by enough learners (30) to be judged.{partly}</p>
<div class="plots">
{"".join(_figures(each))}</div>
{_cards(each)}</section>
"""


def _figures(each: CategoryReading) -> Iterable[str]:
    told, name = each.statistics, each.statistics["category"]
    title = each.title
    yield _map(each)
    yield _legend(told)
    yield _figure(
        "How hard the questions are",
        plots.facilities(f"{name}-facilities", f"Bars: questions by facility, {title}",
                         told["facilities"]),
        "Far to the left, hardly anybody is right at first try; far to the right, nearly all.",
        ("right at first try", "questions"),
        [(f"{band['from']:.0%} to {band['to']:.0%}", f"{band['questions']:,}")
         for band in told["facilities"]],
    )  # fmt: skip
    if told["learning"]:
        yield _figure(
            "How learners learn",
            plots.learning_curve(f"{name}-learning", f"Learning curve, {title}", told["learning"]),
            "Who gets a question right at once and never meets it again is in the first point "
            "alone. Hollow points: fewer than 30 answers.",
            ("try", "answers", "right"),
            [(f"{tried['attempt']}{'+' if tried['attempt'] == 8 else ''}",
              f"{tried['answers']:,}", share(tried["correct"] / tried["answers"]))
             for tried in told["learning"]],
        )  # fmt: skip
    if told["poolDepth"]:
        yield _figure(
            "What is owed over a session",
            plots.pool_depth(f"{name}-pool", f"Pool depth over a session, {title}",
                             told["poolDepth"]),
            "Mean number of questions that wait to be answered right again. Hollow points: fewer "
            "than 30 answers.",
            ("answer of a session", "answers", "in the pool"),
            [(_span(depth), f"{depth['answers']:,}", f"{depth['meanDepth']:.2f}")
             for depth in told["poolDepth"]],
        )  # fmt: skip
    months = _months(each.items)
    if len(months) > 1:
        yield _figure(
            "First tries by month",
            plots.by_month(f"{name}-months", f"Right first tries by month, {title}", months),
            "Of the questions looked at one by one. Hollow points: fewer than 30 first tries.",
            ("month", "first tries", "right"),
            [(month["month"], f"{month['firstTries']:,}",
              share(month["correct"] / month["firstTries"])) for month in months],
        )  # fmt: skip


def _map(each: CategoryReading) -> str:
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
            f'<span dir="auto">{escape(_one_line(item.question["text"]))}</span>',
            f"{item.statistics['firstTries']:,}",
            share(item.statistics["facility"]),
            discrimination(item.statistics["discrimination"]),
            seconds(item.statistics["timeSpent"]["median"]),
            ", ".join(FLAG_WORDS[flag] for flag in item.statistics["flags"]),
        )
        for item in each.items
    ]
    head = ("No.", "question", "first tries", "right", "discrimination", "median time", "flags")
    return _figure(
        "The map of questions",
        plots.item_map(f"{name}-map", label, dots, POOR_DISCRIMINATION),
        caption,
        head,
        rows,
    )


def _legend(told: "responses.CategoryStatistics") -> str:
    flags = told["flags"]
    counts = {
        "MISLEADING": flags["misleading"],
        "AMBIGUOUS": flags["ambiguous"],
        "TOO_HARD": flags["tooHard"],
        "TOO_EASY": flags["tooEasy"],
    }
    meanings = "".join(
        f"<li>{mark(words.replace(' ', '-'))}<strong>{counts[flag]:,} {words}"
        f"</strong>: {_FLAG_MEANINGS[flag]}</li>"
        for flag, words in FLAG_WORDS.items()
    )
    return f"""<div class="note">
<h3>How to read the map</h3>
<p>Further right, more learners are right at their first try. Further up, the question tells strong
learners from weak ones better: those right are those who did well before it.</p>
<p>A good test has most of its questions in the upper half, easy and hard ones. A question far down
says little about who has learned; one below 0 speaks against those who have.</p>
<ul class="legend">{meanings}
<li>{mark("plain")}<strong>no flag</strong>; hollow: tried by fewer than 30 learners, so not judged
yet</li></ul>
</div>
"""


def _cards(each: CategoryReading) -> str:
    items = _to_look_at(each)
    if not items:
        return '<p class="quiet">No question was tried by enough learners to be judged yet.</p>\n'
    left = sum(bool(item.statistics["flags"]) for item in each.items) - sum(
        bool(item.statistics["flags"]) for item in items
    )
    more = f" {left:,} more are flagged: they are in the table under the map." if left else ""
    return f"""<h3 class="part">Questions to look at first</h3>
<p class="quiet">All that are flagged and the ten that tell learners apart least, the worst first.\
{more}</p>
<div class="cards">
{"".join(map(card, items))}</div>
"""


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


def _months(items: Iterable[Item]) -> "list[responses.MonthStatistics]":
    sums: dict[str, responses.MonthStatistics] = {}
    for item in items:
        for month in item.statistics["months"]:
            known = sums.get(month["month"])
            sums[month["month"]] = {
                "month": month["month"],
                "firstTries": month["firstTries"] + (known["firstTries"] if known else 0),
                "correct": month["correct"] + (known["correct"] if known else 0),
            }
    return [sums[month] for month in sorted(sums)]


def _figure(
    title: str,
    plot: str,
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> str:
    return f"""<figure>
<h3>{title}</h3>
{plot}<figcaption>{caption}</figcaption>
<details><summary>The figures</summary>{_table(f"{title}: figures", head, rows)}</details>
</figure>
"""


def _table(label: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML."""
    styles = [' class="words"' if name == "question" else "" for name in head]
    heads = "".join(
        f'<th scope="col"{style}>{name}</th>' for style, name in zip(styles, head, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{style}>{cell}</td>" for style, cell in zip(styles, row, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _flagged(told: "responses.CategoryStatistics") -> int:
    """Count flags; a question may have two of them."""
    flags = told["flags"]
    return flags["misleading"] + flags["ambiguous"] + flags["tooHard"] + flags["tooEasy"]


def _span(depth: "responses.PoolDepth") -> str:
    first, last = depth["fromAnswer"], depth["toAnswer"]
    if last is None:
        return f"{first:,} on"
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONG else f"{words[: _LONG - 1].rstrip()}…"


def _minute(iso: str) -> str:
    return f"{iso[:10]} {iso[11:16]} UTC"


_GLOSSARY = """<section aria-labelledby="words">
<h2 id="words">Words</h2>
<dl class="glossary">
<dt>First try</dt><dd>A learner's first answer ever to the question. The share that is right is \
the question's facility.</dd>
<dt>Discrimination</dt><dd>The correlation of a right first try with how well the learner did in \
the session before it: 1 at best, 0 for no connection; from 0.2 on a question does its work. The \
figures in brackets say how sure it is (95%).</dd>
<dt>The strongest</dt><dd>The learners who did best before they met the question: at least 27% of \
those who can be compared.</dd>
<dt>The pool</dt><dd>Questions answered wrong once, which come back until they were right twice \
more.</dd>
</dl>
</section>
"""
