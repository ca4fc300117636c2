"""Plots of a report as SVG to stand inside a page: the page's own font and colours, no ids shared.

Colours are names while matplotlib draws and become the page's variables afterwards, so that one
drawing does for light, dark and print. The same figures give the same bytes.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lambdas.contract import statistics_responses

FEW = 30
"""Answers below which a point is hollow: a share's standard error may pass 0.09."""

LEAST_ON_MAP = 10
"""First tries by learners with a score for a dot on the map: fewer give any discrimination."""

WIDTH = 420
"""Pixels: drawn for a phone, so that letters stay legible there."""

_PIXELS_TO_AN_INCH = 72
_VARIABLES = ("ink", "quiet", "grid", "plain", "misleading", "ambiguous", "too-hard", "too-easy")
_COLOURS = {name: f"#0a0b{number:02x}" for number, name in enumerate(_VARIABLES, 16)}
"""Stand-ins, none of which matplotlib draws with by itself."""

_SETTINGS: Mapping[Any, object] = {
    "svg.fonttype": "none",
    "font.size": 12,
    "axes.edgecolor": _COLOURS["grid"],
    "axes.labelcolor": _COLOURS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": _COLOURS["grid"],
    "grid.linewidth": 0.8,
    "text.color": _COLOURS["ink"],
    "text.parse_math": False,
    "xtick.color": _COLOURS["grid"],
    "xtick.labelcolor": _COLOURS["quiet"],
    "ytick.color": _COLOURS["grid"],
    "ytick.labelcolor": _COLOURS["quiet"],
    "figure.constrained_layout.use": True,
}
_MARKERS = {"misleading": "^", "ambiguous": "D", "too-hard": "v", "too-easy": "s", "plain": "o"}
_WORST_FIRST = list(_MARKERS)
_EMPTY = "none"
_PERCENT = FuncFormatter(lambda share, _: f"{share:.0%}")


class Dot(NamedTuple):
    """A question on the map: `kind` is its worst flag, or plain; `target` is its card's id."""

    number: int
    facility: float
    discrimination: float
    sure: bool
    kind: str
    title: str
    target: str | None


def item_map(name: str, label: str, dots: Sequence[Dot], poor: float) -> str:
    """Plot facility against discrimination; the flagged bear their numbers."""
    with _drawing(name, label, 440) as (figure, drawn):
        axes = figure.add_subplot()
        lowest = min([dot.discrimination for dot in dots], default=0)
        highest = max([dot.discrimination for dot in dots], default=0)
        bottom, top = min(lowest, -0.1) - 0.16, max(highest, 0.6) + 0.16
        axes.set(xlim=(-0.04, 1.04), ylim=(bottom, top))
        axes.set(xlabel="right at first try", ylabel="tells strong from weak learners")
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.yaxis.set_major_locator(MultipleLocator(0.2))
        axes.grid(visible=True)
        axes.axhspan(bottom, poor, color=_COLOURS["grid"], alpha=0.28, linewidth=0)
        axes.axhline(0, color=_COLOURS["quiet"], linewidth=1)
        axes.axvline(0.5, color=_COLOURS["quiet"], linewidth=1, linestyle=(0, (3, 3)))
        corners = {
            (0.0, top - 0.02, "left", "top"): "hard, and telling",
            (1.0, top - 0.02, "right", "top"): "easy, and telling",
            (0.0, bottom + 0.02, "left", "bottom"): "hard for all alike",
            (1.0, bottom + 0.02, "right", "bottom"): "easy for all alike",
        }
        for (x, y, across, along), words in corners.items():
            axes.text(x, y, words, ha=across, va=along, color=_COLOURS["quiet"], style="italic")
        titles: dict[str, Dot] = {}
        for kind, marker in _MARKERS.items():
            for sure in (False, True):
                some = [dot for dot in dots if (dot.kind, dot.sure) == (kind, sure)]
                points = axes.scatter(
                    [dot.facility for dot in some],
                    [dot.discrimination for dot in some],
                    s=34 if kind == "plain" else 52,
                    marker=MarkerStyle(marker),
                    facecolors=_COLOURS[kind] if sure else _EMPTY,
                    edgecolors=_COLOURS[kind],
                    linewidths=1.2,
                    alpha=0.75 if kind == "plain" else 1,
                    zorder=3 if kind == "plain" else 4,
                )
                points.set_urls([f"dot:{dot.number}" for dot in some])
                titles |= {f"dot:{dot.number}": dot for dot in some}
        _label(figure, axes, dots)
    return _linked(drawn.getvalue(), titles)


def facilities(
    name: str, label: str, classes: "Sequence[statistics_responses.FacilityClass]"
) -> str:
    """Plot how many questions there are by their share of right first tries."""
    with _drawing(name, label) as (figure, drawn):
        axes = figure.add_subplot()
        counts = [each["questions"] for each in classes]
        bars = axes.bar(
            [each["from"] for each in classes],
            counts,
            width=[each["to"] - each["from"] for each in classes],
            align="edge",
            color=_COLOURS["plain"],
            edgecolor="white",
        )
        axes.bar_label(
            bars,
            [str(count) if count else "" for count in counts],
            padding=2,
            color=_COLOURS["ink"],
        )
        axes.set(xlim=(0, 1), ylim=(0, max([*counts, 1]) * 1.15))
        axes.set(xlabel="right at first try", ylabel="questions")
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.xaxis.set_major_locator(MultipleLocator(0.2))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(visible=True, axis="y")
    return drawn.getvalue()


def learning_curve(
    name: str, label: str, attempts: "Sequence[statistics_responses.AttemptStatistics]"
) -> str:
    """Plot the share of right answers by how often the learner had answered the question."""
    last = attempts[-1]["attempt"]
    return _shares(
        name,
        label,
        [str(each["attempt"]) + ("+" if each["attempt"] == last == 8 else "") for each in attempts],
        [(each["correct"], each["answers"]) for each in attempts],
        ("a learner's so many'th answer to a question", "right"),
    )


def by_month(
    name: str, label: str, months: "Sequence[statistics_responses.MonthStatistics]"
) -> str:
    """Plot the share of right first tries by month."""
    every = math.ceil(len(months) / 6)
    return _shares(
        name,
        label,
        [each["month"] if not place % every else "" for place, each in enumerate(months)],
        [(each["correct"], each["firstTries"]) for each in months],
        ("month", "right at first try"),
    )


def pool_depth(name: str, label: str, depths: "Sequence[statistics_responses.PoolDepth]") -> str:
    """Plot how many questions waited in the wrong-answer pool, by how far a session was."""
    with _drawing(name, label) as (figure, drawn):
        axes = figure.add_subplot()
        means = [each["meanDepth"] for each in depths]
        _line(axes, means, [each["answers"] for each in depths])
        axes.set_xticks(range(len(depths)), [f"{each['fromAnswer']}" for each in depths])
        axes.set(xlabel="from this answer of a session on", ylabel="questions in the pool")
        axes.set(xlim=(-0.4, len(depths) - 0.6), ylim=(0, max([*means, 1]) * 1.18))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(visible=True, axis="y")
        for place, mean in enumerate(means):
            _value(axes, place, mean, f"{mean:.1f}")
    return drawn.getvalue()


def _shares(
    name: str,
    label: str,
    ticks: Sequence[str],
    counts: Sequence[tuple[int, int]],
    words: tuple[str, str],
) -> str:
    """Plot shares of counts (so many of so many) along a line."""
    with _drawing(name, label) as (figure, drawn):
        axes = figure.add_subplot()
        shares = [right / answers for right, answers in counts]
        _line(axes, shares, [answers for _, answers in counts])
        axes.set_xticks(range(len(ticks)), ticks)
        axes.set(xlabel=words[0], ylabel=words[1])
        axes.set(xlim=(-0.4, len(ticks) - 0.6), ylim=(0, 1.1))
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.yaxis.set_major_locator(MultipleLocator(0.25))
        axes.grid(visible=True, axis="y")
        if len(ticks) <= 12:
            for place, share in enumerate(shares):
                _value(axes, place, share, f"{share:.0%}")
    return drawn.getvalue()


def _line(axes: "Axes", values: Sequence[float], answers: Sequence[int]) -> None:
    places = range(len(values))
    colour = _COLOURS["plain"]
    axes.plot(places, values, color=colour, linewidth=2, clip_on=False)
    for few in (False, True):
        some = [place for place in places if (answers[place] < FEW) == few]
        axes.scatter(
            some,
            [values[place] for place in some],
            s=40,
            facecolors="white" if few else colour,
            edgecolors=colour,
            linewidths=1.6,
            zorder=3,
            clip_on=False,
        )


def _value(axes: "Axes", place: int, height: float, words: str) -> None:
    axes.annotate(
        words, (place, height), (0, 7), textcoords="offset points", ha="center", va="bottom"
    )


_STEPS = (-1, 1)


def _label(figure: Figure, axes: "Axes", dots: Sequence[Dot]) -> None:
    """Write the numbers of flagged dots, the worst first, as far as there is room.

    Boxes are in pixels, as wide as digits are at most.
    """
    figure.draw_without_rendering()
    dots = sorted(dots, key=lambda dot: _WORST_FIRST.index(dot.kind))
    places = [tuple(axes.transData.transform((dot.facility, dot.discrimination))) for dot in dots]
    frame = axes.get_window_extent()
    taken = [(x - 5.5, y - 5.5, x + 5.5, y + 5.5) for x, y in places]
    for dot, (x, y) in zip(dots, places, strict=True):
        if dot.kind == "plain":
            continue
        words = str(dot.number)
        wide, high = 8.6 * len(words), 11.0
        for dx, dy in _positions(wide, high):
            box = (x + dx, y + dy, x + dx + wide, y + dy + high)
            outside = box[0] < frame.x0 or box[2] > frame.x1 or box[1] < frame.y0 + 16
            if outside or box[3] > frame.y1 - 16 or any(_overlap(box, other) for other in taken):
                continue
            taken.append(box)
            axes.annotate(
                words,
                (dot.facility, dot.discrimination),
                (dx, dy + 1),
                textcoords="offset points",
                color=_COLOURS[dot.kind],
                weight="bold",
                zorder=5,
            )
            break


def _positions(wide: float, high: float) -> Iterator[tuple[float, float]]:
    """Where a label may stand beside its dot, the best first."""
    yield 6, -high / 2
    yield -6 - wide, -high / 2
    yield -wide / 2, 6
    yield -wide / 2, -6 - high
    for up in _STEPS:
        for right in _STEPS:
            yield (5 if right > 0 else -5 - wide), (4 if up > 0 else -4 - high)


Box = tuple[float, float, float, float]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@contextmanager
def _drawing(name: str, label: str, height: int = 320) -> Iterator[tuple[Figure, StringIO]]:
    """Give a figure to draw in, and what will hold its SVG."""
    with mpl.rc_context({**_SETTINGS, "svg.hashsalt": name}):
        size = (WIDTH / _PIXELS_TO_AN_INCH, height / _PIXELS_TO_AN_INCH)
        figure, drawn, raw = Figure(figsize=size, dpi=_PIXELS_TO_AN_INCH), StringIO(), StringIO()
        yield figure, drawn
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(raw, format="svg", transparent=True, metadata=nothing)
        drawn.write(_for_the_page(raw.getvalue(), label, height))


def _for_the_page(svg: str, label: str, height: int) -> str:
    """Leave out what only a file of its own needs, and take on the page's colours."""
    content = svg[svg.index(">", svg.index("<svg")) + 1 :]
    content = re.sub(r"\s*<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    content = re.sub(r'<g id="[^"]*"', "<g", content)  # their names come back in every plot
    content = re.sub(r"<!--.*?-->\n?", "", content, flags=re.DOTALL)
    content = content.replace("#ffffff", "var(--paper)")
    for variable, colour in _COLOURS.items():
        content = content.replace(colour, f"var(--{variable})")
    head = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
    return f"{head}<title>{escape(label)}</title>{content.strip()}\n"


def _linked(svg: str, dots: Mapping[str, Dot]) -> str:
    """Give each dot its question as a title, and a link to its card where it has one."""

    def opening(found: re.Match[str]) -> str:
        dot = dots[found[1]]
        link = f' href="#{escape(dot.target)}"' if dot.target else ""
        return f"<a{link}><title>{escape(dot.title)}</title>"

    return re.sub(r'<a xlink:href="(dot:\d+)"[^>]*>', opening, svg)
