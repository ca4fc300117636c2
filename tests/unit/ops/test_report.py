"""The report's page, as a browser reads it, and how much of a large stage is read for it."""

import re
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from lambdas.contract import responses, statistics_responses
from ops.__main__ import main
from ops.deploy.api import Api, ResponseError
from ops.deploy.outputs import Outputs
from ops.report.cards import advice
from ops.report.page import MOST_CARDS, page
from ops.report.plots import Dot, item_map
from ops.report.reading import (
    MOST_LISTED,
    MOST_QUESTIONS,
    MOST_SHOWN,
    CategoryReading,
    Item,
    Reading,
    read,
)

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
HOSTILE = (
    "</p><script>alert(1)</script> <b>5 < 6 & 'x' \"y\"</b> $\\frac{1}{2}$ **bold** `code` &amp;",
    "<img src=x onerror=alert(1)>",
    "--></style></svg><a href='//example.com'>$E = mc^2$</a>",
    "]]> {braces} %s \u202eabc",
)


def statistics(number: int = 1, **changes: Any) -> statistics_responses.QuestionStatistics:
    """Return those of a good question, but for the changes."""
    told: statistics_responses.QuestionStatistics = {
        "questionId": f"art:{number:06d}",
        "category": "art",
        "version": 1,
        "asOf": "2026-11-22T19:59:01.000Z",
        "attempts": 150,
        "correct": 100,
        "firstTries": 100,
        "firstTriesCorrect": 60,
        "reviews": 40,
        "reviewsCorrect": 30,
        "facility": 0.6,
        "discrimination": {"firstTries": 90, "value": 0.4, "low": 0.21, "high": 0.56},
        "timeSpent": {
            "answers": 140,
            "mean": 9.5,
            "lowerQuartile": 5.0,
            "median": 8.25,
            "upperQuartile": 12.0,
        },
        "strongest": {"learners": 30, "fromScore": 0.7},
        "choices": [
            choice("right", 60, 24, correct=True),
            choice("lure", 30, 5),
            choice("idle", 1, 1),
        ],
        "months": [{"month": "2026-11", "firstTries": 100, "correct": 60}],
        "learning": [{"attempt": 1, "answers": 100, "correct": 60}],
        "flags": [],
    }
    return {**told, **changes}  # type: ignore[typeddict-item]  # the tests' own changes


def choice(
    text: str, first: int, strongest: int, *, correct: bool = False
) -> statistics_responses.ChoiceStatistics:
    return {
        "text": text,
        "correct": correct,
        "taken": first,
        "takenAtFirst": first,
        "takenByStrongest": strongest,
    }


def item(number: int = 1, text: str = "Who painted it?", **changes: Any) -> Item:
    told = statistics(number, **changes)
    question: responses.BankQuestion = {
        "questionId": told["questionId"],
        "category": "art",
        "text": text,
        "type": "SINGLE_CHOICE",
        "answers": [{"text": each["text"], "correct": each["correct"]} for each in told["choices"]],
        "explanation": "",
        "language": "en",
        "tags": [],
        "version": 1,
        "retired": False,
        "createdAt": "2026-11-01T00:00:00.000Z",
        "updatedAt": "2026-11-01T00:00:00.000Z",
    }
    return Item(question, told)


def category(
    *items: Item, name: str = "art", attempts: int = 150
) -> statistics_responses.CategoryStatistics:
    flags = Counter(flag for each in items for flag in each.statistics["flags"])
    return {
        "category": name,
        "asOf": "2026-11-22T19:59:01.000Z" if attempts else None,
        "questions": max(len(items), 1),
        "answered": len(items),
        "judged": len(items),
        "attempts": attempts,
        "firstTries": attempts * 2 // 3,
        "firstTriesCorrect": attempts // 3,
        "reviews": attempts // 4,
        "reviewsCorrect": attempts // 5,
        "facility": 0.5 if attempts else None,
        "facilities": [
            {"from": step / 10, "to": (step + 1) / 10, "questions": step % 3} for step in range(10)
        ],
        "learning": [
            {"attempt": number, "answers": 400 // number**3, "correct": 200 // number**3}
            for number in range(1, 8)
        ]
        if attempts
        else [],
        "poolDepth": [
            {"fromAnswer": 1, "toAnswer": 1, "answers": 40, "meanDepth": 0.0},
            {"fromAnswer": 1025, "toAnswer": None, "answers": 3, "meanDepth": 4.6667},
        ]
        if attempts
        else [],
        "flags": {
            "misleading": flags["MISLEADING"],
            "ambiguous": flags["AMBIGUOUS"],
            "tooHard": flags["TOO_HARD"],
            "tooEasy": flags["TOO_EASY"],
        },
        "worst": [
            {
                "questionId": each.question["questionId"],
                "text": each.question["text"],
                "firstTries": each.statistics["firstTries"],
                "facility": each.statistics["facility"],
                "discrimination": each.statistics["discrimination"],
                "flags": each.statistics["flags"],
            }
            for each in items[:10]
        ],
    }


def written(*items: Item, title: str = "Art") -> str:
    return page(Reading("local", (CategoryReading(title, category(*items), items),)), NOW)


class Browser(HTMLParser):
    """A page as a browser parses it: its elements, and the text of each."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = [""]
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_endtag(self, _: str) -> None:
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data

    @property
    def tags(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.elements)


def test_what_the_bank_holds_is_shown_as_written_and_never_read_as_html() -> None:
    plain, hostile = (
        Browser(
            written(
                item(
                    text=texts[0],
                    flags=["MISLEADING"],
                    choices=[choice(texts[1], 3, 1, correct=True), choice(texts[2], 9, 8)],
                ),
                title=texts[3],
            )
        )
        for texts in (("a", "b", "c", "d"), HOSTILE)
    )
    assert hostile.tags == plain.tags
    assert {tag for tag, _ in hostile.elements}.isdisjoint({"script", "img", "b", "link"})
    for text in HOSTILE[:3]:
        assert text in hostile.texts
    assert HOSTILE[3] in hostile.texts
    assert not [name for _, given in hostile.elements for name in given if name.startswith("on")]


def test_the_page_needs_nothing_but_itself() -> None:
    source = written(item(flags=["TOO_EASY"]), item(2))
    browser = Browser(source)
    assert "://" not in source
    assert "url(" not in re.sub(r"url\(#\w+\)", "", source)
    assert not browser.tags["script"]
    assert "default-src 'none'" in source
    ids = Counter(given["id"] for _, given in browser.elements if "id" in given)
    assert set(ids.values()) == {1}
    links = [given.get("href") or given.get("xlink:href") for _, given in browser.elements]
    assert {link[1:] for link in links if link} <= ids.keys()
    assert links.count("#q-art-000001") == 1
    assert source.count("<title>Question ") == 2


def test_plots_take_on_the_colours_of_the_page_and_say_what_they_show() -> None:
    source = written(item(), item(2, flags=["AMBIGUOUS"], firstTries=12))
    drawn = re.findall(r'<svg viewBox="0 0 420.*?</svg>', source, flags=re.DOTALL)
    assert len(drawn) == 4
    assert not [svg for svg in drawn if re.search(r"#[0-9a-f]{6}\b", svg)]
    assert set(re.findall(r"var\(--([a-z-]+)\)", "".join(drawn))) <= set(
        re.findall(r"--([a-z-]+):", source)
    )
    titled = r'<svg [^>]*role="img" aria-label="([^"]+Art)"><title>\1</title>'
    assert all(re.match(titled, svg) for svg in drawn)
    assert Browser(source).tags["details"] == len(drawn)  # the figures of each, as a table


def test_the_same_reading_gives_the_same_page() -> None:
    items = [item(number, flags=["TOO_HARD"][: number % 2]) for number in range(1, 30)]
    assert written(*items) == written(*items)


@pytest.mark.parametrize(
    ("questions", "said"),
    [(5, "Nobody has answered a question yet."), (0, "import a bank first")],
)
def test_an_empty_stage_has_a_page_that_says_so(questions: int, said: str) -> None:
    told = category(attempts=0)
    told["questions"] = questions
    source = page(Reading("local", (CategoryReading("Art", told),)), NOW)
    assert said in source
    assert "<svg" not in source
    assert page(Reading("local", ()), NOW).count("import a bank first") == 1


def test_a_category_has_at_most_so_many_cards_and_its_table_has_all() -> None:
    items = [item(number, flags=["AMBIGUOUS"]) for number in range(1, 61)]
    source = written(*items)
    assert source.count("<article") == MOST_CARDS
    assert f"{60 - MOST_CARDS} more are flagged" in source
    first = source[: source.index("How to read the map")]
    assert all(f"<td>{number}</td>" in first for number in range(1, 61))


def test_cards_are_of_the_flagged_and_the_worst_and_the_worst_come_first() -> None:
    good = [item(number) for number in range(20, 25)]
    poor, flagged = item(3), [item(2, flags=["TOO_HARD"]), item(4, flags=["MISLEADING"])]
    told = category(poor)
    reading = CategoryReading("Art", told, (*good, *flagged, poor))
    source = page(Reading("local", (reading,)), NOW)
    assert re.findall(r"<h4>Question (\d+) ", source) == ["3", "4", "2"]


def test_a_card_tells_how_often_each_choice_was_taken_by_all_and_by_the_strongest() -> None:
    source = written(item(flags=["AMBIGUOUS"]))
    rows = re.findall(r"<tr[^>]*><td>(?:(?!</tr>).)*class=\"choice\".*?</tr>", source)
    plain = [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in rows]
    assert plain == [
        "✓ right right 60% (60) 80% (24)",
        "lure 30% (30) 17% (5)",
        "idle 1% (1) 3% (1)",
    ]
    assert "by the strongest 30" in source
    assert "60% of 100" in source
    assert "0.40 (0.21 to 0.56)" in source
    assert "8.2 s" in source


def test_questions_without_enough_tries_are_left_off_the_map_and_counted() -> None:
    few: statistics_responses.Discrimination = {
        "firstTries": 9,
        "value": 1.0,
        "low": 0.9,
        "high": 1.0,
    }
    source = written(item(), item(2, discrimination=few))
    assert "Map of 1 questions" in source
    assert "1 questions have too few tries" in source


def test_months_are_plotted_from_the_second_on() -> None:
    two = [
        {"month": "2026-11", "firstTries": 10, "correct": 4},
        {"month": "2026-10", "firstTries": 20, "correct": 5},
    ]
    assert "First tries by month" not in written(item())
    source = written(item(months=two), item(2, months=two[:1]))
    rows = source[source.index("First tries by month") :]
    assert "<td>2026-10</td><td>20</td><td>25%</td>" in rows
    assert "<td>2026-11</td><td>20</td><td>40%</td>" in rows


def dot(number: int, facility: float, discrimination: float) -> Dot:
    return Dot(number, facility, discrimination, True, "ambiguous", "What?", None)


def test_numbers_on_the_map_have_room_or_are_left_out() -> None:
    apart = [dot(100 + step, 0.1 + step / 10, step / 10) for step in range(9)]
    together = [dot(100 + step, 0.5, 0.3) for step in range(60)]
    together[-1] = together[-1]._replace(kind="misleading")
    labels = re.compile(r">(1\d\d)</text>")
    assert len(labels.findall(item_map("m", "Map", apart, 0.2))) == len(apart)
    found = labels.findall(item_map("m", "Map", together, 0.2))
    assert len(found) < 9
    assert "159" in found  # the worst one has its number first


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flags": ["MISLEADING", "TOO_HARD"]}, "take “lure” than a right choice"),
        ({"flags": ["AMBIGUOUS"]}, "“lure” is nearly as good"),
        ({"flags": ["TOO_HARD"], "facility": 0.12}, "Only 12% are right at first try"),
        ({"flags": ["TOO_EASY"]}, "in place of “idle”, which hardly anybody takes"),
        ({"firstTries": 29}, "Wait:"),
        ({"discrimination": {"firstTries": 90, "value": -0.1, "low": -0.3, "high": 0.1}}, "Weak"),
        ({"discrimination": {"firstTries": 90, "value": 0.1, "low": -0.1, "high": 0.3}}, "hardly"),
        ({}, "Nothing:"),
    ],
)
def test_the_advice_is_that_of_the_worst_fault(changes: dict[str, Any], said: str) -> None:
    assert said in advice(statistics(**changes))
    assert advice(statistics(**changes)).count(". ") == 0


class LargeStage:
    """Answers as a stage with many categories of many questions, each fifth of them retired."""

    def __init__(self, categories: int, questions: int) -> None:
        self.categories, self.questions = categories, questions
        self.calls: Counter[str] = Counter()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.calls[re.sub(r"[^/]*\d[^/]*", "*", path)] += 1
        return httpx2.Response(200, json=self._body(path, request.url.query.decode()))

    def _body(self, path: str, query: str) -> object:
        if path == "/questions/categories":
            return {
                "categories": [
                    {"category": f"c{n}", "title": f"C {n}", "language": "en", "questionCount": 9}
                    for n in range(self.categories)
                ]
            }
        if path.startswith("/admin/categories/"):
            name = path.split("/")[3]
            last = item(self.questions, flags=["MISLEADING"])
            return category(last, name=name, attempts=int(name[1:]))
        if path == "/admin/questions":
            start = int(parse_qs(query).get("nextToken", ["0"])[0].rstrip("&="))
            end = min(start + 100, self.questions)
            found = [item(n + 1).question | {"retired": n % 5 == 0} for n in range(start, end)]
            more = {"nextToken": f"{end}&="} if end < self.questions else {}
            return {"questions": found, **more}
        number = int(path.partition(":")[2][:6])
        if path.endswith("/statistics"):
            return statistics(number)
        return item(number).question


def read_large(stage: LargeStage, **changes: Any) -> Reading:
    with httpx2.Client(base_url="http://stage", transport=httpx2.MockTransport(stage)) as client:
        return read(Api(client), "large", lambda _: None, **changes)


def test_of_a_large_stage_a_bounded_part_is_read_and_the_page_says_which() -> None:
    stage = LargeStage(categories=MOST_LISTED + 3, questions=250)
    reading = read_large(stage, most_questions=20)
    assert stage.calls == {
        "/questions/categories": 1,
        "/admin/categories/*/statistics": MOST_LISTED,
        "/admin/questions": MOST_SHOWN,
        "/admin/questions/*": MOST_SHOWN,
        "/admin/questions/*/statistics": MOST_SHOWN * 20,
    }
    shown = [each for each in reading.categories if each.items]
    assert [each.title for each in shown] == [f"C {n}" for n in range(90, 100)]
    assert shown[0].items[-1].number == 250  # the worst one, far behind the first twenty
    assert not [each for each in shown[0].items if each.question["retired"]]
    assert reading.left_out == 3
    assert "3 more categories are left out" in page(
        Reading(reading.stage, (shown[0],), reading.left_out), NOW
    )


def test_all_pages_of_the_bank_are_read_where_there_is_room() -> None:
    reading = read_large(LargeStage(categories=2, questions=250), category="c1")
    (only,) = reading.categories
    assert [each.number for each in only.items] == [n + 1 for n in range(250) if n % 5]
    assert len(only.items) <= MOST_QUESTIONS


def test_a_stage_that_refuses_is_told_in_a_sentence() -> None:
    refuse = httpx2.MockTransport(lambda _: httpx2.Response(403, text="not an administrator"))
    with (
        httpx2.Client(base_url="http://stage", transport=refuse) as client,
        pytest.raises(ResponseError, match="answered 403, not 200: not an administrator"),
    ):
        read(Api(client), "dev", lambda _: None)


def test_of_a_deployed_stage_it_has_to_be_said_who_signs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUIZ_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("QUIZ_USER", raising=False)
    assert main(["report", "--stage", "dev"]) == 1
    assert "make deploy STAGE=dev" in capsys.readouterr().err
    Outputs(apiUrl="", userPoolId="", userPoolClientId="", region="").write("dev")
    assert main(["report", "--stage", "dev"]) == 1
    assert capsys.readouterr() == (
        "",
        "Name the administrator who signs in: make report STAGE=dev USER=ada@example.com\n",
    )


def test_a_deployed_stage_is_read_as_the_administrator_that_signed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUIZ_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("QUIZ_USER", "ada@example.com")
    monkeypatch.setattr("ops.deploy.sign_in.sign_in_by_hand", lambda _, user: f"token of {user}")
    Outputs(apiUrl="http://stage/dev/", userPoolId="", userPoolClientId="", region="").write("dev")
    stage = LargeStage(categories=2, questions=7)
    asked: set[tuple[str, str]] = set()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.add((request.url.path[:5], request.headers["Authorization"]))
        request.url = request.url.copy_with(raw_path=request.url.raw_path.removeprefix(b"/dev"))
        return stage(request)

    client = partial(httpx2.Client, transport=httpx2.MockTransport(answer))
    monkeypatch.setattr("ops.report.program.httpx2.Client", client)
    assert main(["report", "--stage", "dev"]) == 0
    assert asked == {("/dev/", "Bearer token of ada@example.com")}
    file = tmp_path / "report-dev.html"
    assert capsys.readouterr() == (f"file://{file}\n", "")
    assert "Stage dev, written" in file.read_text()
    assert [each.name for each in tmp_path.glob("report*")] == [file.name]
