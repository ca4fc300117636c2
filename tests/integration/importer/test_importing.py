"""Imports of files, on the real engine."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lambdas.questions.bank_writer import LEASE, UPDATED_TOGETHER, BankWriter
from local.data_folder import ROOT
from local.errors import CommandError
from local.import_bank import MAX_CATEGORIES, MAX_WAIT, BankImport
from local.import_terminal import Fate
from tests.integration.importer.importing import DeathError, Importing, plain
from tests.integration.stage import draft

SHARED = ROOT.parent / "shared" / "data"


def question(importing: Importing, identifier: str) -> Any:
    reply = importing.stage.call(
        "getBankQuestion", path={"questionId": identifier}, groups=["admin"]
    )
    assert reply.status == 200, reply.body
    return reply.body


def sizes(importing: Importing) -> dict[str, int]:
    return {name: entry.size for name, entry in importing.bank()[0].items()}


def test_lines_of_all_forms_go_in(importing: Importing) -> None:
    fates = importing.run([draft("geography", 1), plain(2), plain(3, "history")])
    assert fates == {"geography": Fate(created=2), "history": Fate(created=1)}
    _, records = importing.bank()
    assert records["geography:000000"].question.text == "geography 1?"
    second = records["geography:000001"]
    assert second.external_id == "q-2"
    assert [choice.correct for choice in second.question.choices] == [True, False, False]
    assert second.question.multiple is False


def test_csv_goes_in(importing: Importing) -> None:
    file = importing.file(
        ["text,answer_1,answer_2,correct", '"caf\u0065\u0301, ""x""",a,b,2', "y,a,a,1"], "bank.csv"
    )
    fates = importing.run(file, category="geography")
    assert fates == {"geography": Fate(created=1, refused=1)}
    assert importing.watch.refusals == {3: "answers: two answers have the same text"}
    record = importing.bank()[1]["geography:000000"]
    assert record.question.text == 'caf\u00e9, "x"'


def test_bad_lines_are_refused_by_number_and_the_rest_goes_in(importing: Importing) -> None:
    lines: list[Any] = [plain(number) for number in range(250)]
    lines[3] = "{broken"
    lines[16] = plain(16, correct=[])
    lines[100] = plain(100, category="Not A Category")
    lines[101] = {k: v for k, v in plain(101).items() if k != "category"}
    lines[102] = plain(102, choices=["only"])
    lines[103] = plain(103, colour="red")
    lines[104] = plain(104, text="a\0b")
    lines[249] = b"\xff"
    fates = importing.run(lines)
    assert fates["geography"].created == 242
    assert sum(fate.refused for fate in fates.values()) == 8
    found = importing.watch.refusals
    assert list(found) == [4, 17, 101, 102, 103, 104, 105, 250]
    assert found[17] == "answers: exactly one answer has to be correct, not 0"
    assert found[101].startswith("category: ")
    assert found[102] == "category: Field required"
    assert found[103].startswith("answers: ")
    assert found[104].startswith("colour: ")
    assert found[105] == "text: is blank, or holds a control character"
    assert sizes(importing) == {"geography": 242}


def test_a_given_category_is_that_of_all_lines(importing: Importing) -> None:
    without = {k: v for k, v in plain(1).items() if k != "category"}
    fates = importing.run([without, plain(2, "history"), "{"], category="rivers")
    assert fates == {"rivers": Fate(created=2, refused=1)}
    assert sizes(importing) == {"rivers": 2}


def test_choices_that_refer_to_others_are_pinned(importing: Importing) -> None:
    contract = draft("geography", 3)
    contract["answers"][0]["pinned"] = True
    contract["answers"][2]["text"] = "None of the above"
    importing.run(
        [
            plain(1, choices=["red", "blue", "All of the above"]),
            plain(2, choices=["red", "blue", "Both A and B"]),
            contract,
        ]
    )
    _, records = importing.bank()
    pins = [[c.pinned for c in record.question.choices] for _, record in sorted(records.items())]
    assert pins == [[False, False, True], [True, True, True], [True, False, True, False]]


def test_the_same_content_in_a_file_is_one_question(importing: Importing) -> None:
    again = plain(1, id="other", choices=["wrong 1 b", "wrong 1 a", "right 1"], correct=[2])
    spaced = plain(1, text=" 1?  ")
    lines = [plain(1), plain(1), again, *(plain(n) for n in range(2, 200)), again, spaced]
    assert importing.run(lines) == {"geography": Fate(created=199, duplicates=4)}
    assert not importing.watch.refusals
    assert sizes(importing) == {"geography": 199}


def test_a_question_given_twice_with_a_difference_is_refused(importing: Importing) -> None:
    lines = [plain(1), *(plain(n) for n in range(2, 150)), plain(1, correct=[1])]
    assert importing.run(lines) == {"geography": Fate(created=149, refused=1)}
    reason = "text: repeats geography:000000 with a difference"
    assert importing.watch.refusals == {150: reason}
    # Known to the bank by now, and just as far apart.
    assert importing.run(lines) == {"geography": Fate(unchanged=149, refused=1)}
    assert importing.watch.refusals == {150: reason}


def test_what_the_bank_has_is_left_alone(importing: Importing) -> None:
    lines = [plain(number) for number in range(120)]
    importing.run(lines)
    before = importing.bank()
    importing.stage.clock.advance(1)
    assert importing.run([*lines, plain(120)]) == {"geography": Fate(created=1, unchanged=120)}
    registry, records = importing.bank()
    assert registry["geography"].size == 121
    assert {k: v for k, v in records.items() if k in before[1]} == before[1]


def test_repeating_a_file_with_duplicates_changes_nothing(importing: Importing) -> None:
    turned = plain(1, choices=["wrong 1 b", "wrong 1 a", "right 1"], correct=[2])
    lines = [plain(1), *(plain(n) for n in range(2, 150)), turned]
    importing.run(lines)
    before = importing.bank()
    assert importing.run(lines) == {"geography": Fate(unchanged=149, duplicates=1)}
    assert importing.bank() == before


def test_more_updates_than_a_transaction_holds(importing: Importing) -> None:
    importing.run(plain(number) for number in range(250))
    calls = importing.calls()
    changed = [plain(number, explanation="because") for number in range(250)]
    fates = importing.run([*changed, plain(250)], calls=calls)
    assert fates == {"geography": Fate(created=1, updated=250)}
    _, records = importing.bank()
    explained = [r for r in records.values() if r.question.explanation == "because"]
    assert len(explained) == 250
    together = [
        len(parameters["TransactItems"])
        for operation, parameters in calls.made
        if operation == "transact_write_items"
    ]
    assert UPDATED_TOGETHER + 1 in together
    assert max(together) <= 100


def test_two_lines_that_update_to_the_same_content_stay_one_question(importing: Importing) -> None:
    importing.run(plain(number) for number in range(150))
    edited = {**plain(900), "id": "q-0"}
    twin = {**plain(900), "id": "q-149"}
    lines = [edited, *(plain(number) for number in range(1, 149)), twin]
    fates = importing.run(lines)
    assert fates == {"geography": Fate(updated=1, unchanged=148, duplicates=1)}
    _, records = importing.bank()
    assert sum(record.question.text == "900?" for record in records.values()) == 1


def test_a_retired_question_is_in_use_again(importing: Importing) -> None:
    importing.run(plain(number) for number in range(3))
    importing.stage.call(
        "retireQuestion", path={"questionId": "geography:000001"}, groups=["admin"]
    )
    assert importing.bank()[0]["geography"].active == 2
    fates = importing.run(plain(number) for number in range(3))
    assert fates == {"geography": Fate(updated=1, unchanged=2)}
    assert importing.bank()[0]["geography"].active == 3


def test_all_categories_are_published_once_and_together(importing: Importing) -> None:
    calls = importing.calls()
    lines = [plain(n, ("geography", "history", "music")[n % 3]) for n in range(400)]
    before: list[Any] = []
    importing.run(lines, calls=calls, at_read=lambda: before.append(sizes(importing)))
    assert before == [{}] * 4
    assert calls.published() == [["geography", "history", "music"]]
    assert sizes(importing) == {"geography": 134, "history": 133, "music": 133}


def test_as_many_categories_as_can_be_published_together(importing: Importing) -> None:
    lines = [plain(1, f"category-{number:03d}-{'x' * 35}") for number in range(MAX_CATEGORIES + 1)]
    fates = importing.run(lines)
    assert len(sizes(importing)) == MAX_CATEGORIES
    assert fates[""] == Fate(refused=1)
    assert list(importing.watch.refusals) == [MAX_CATEGORIES + 1]


@pytest.mark.parametrize("answers_first", [False, True])
def test_death_at_any_call_leaves_all_or_nothing_and_a_repeat_completes(
    importing: Importing, *, answers_first: bool
) -> None:
    importing.run(plain(number) for number in range(60))
    before = importing.bank()
    lines = [
        *(plain(number, explanation="because") for number in range(40)),
        *(plain(number, "history") for number in range(40)),
        *(plain(number) for number in range(60, 130)),
    ]
    file = importing.file(lines, "new.jsonl")
    deaths, published = 0, False
    while not published:
        calls = importing.calls(dies_at=deaths, answers_first=answers_first)
        try:
            importing.run(file, calls=calls)
        except DeathError:
            deaths += 1
        seen = importing.bank()
        published = seen != before
        assert not published or {k: e.size for k, e in seen[0].items()} == {
            "geography": 130,
            "history": 40,
        }
        # Nobody renews the lease of the dead, so the next import waits for no longer.
        assert importing.watch.waits in ([], [LEASE])
    assert deaths > 5
    importing.run(file)
    _, records = importing.bank()
    assert len(records) == 170
    assert sum(record.question.explanation == "because" for record in records.values()) == 40


def test_death_among_many_updates_publishes_nothing_new_and_a_repeat_completes(
    importing: Importing,
) -> None:
    importing.run(plain(number) for number in range(250))
    lines = [plain(number, explanation="because") for number in range(250)]
    lines += [plain(number) for number in range(250, 300)]
    file = importing.file(lines, "new.jsonl")
    deaths = 0
    seen = None
    while seen is None:
        calls = importing.calls(dies_at=deaths, answers_first=True)
        with pytest.raises(DeathError):
            importing.run(file, calls=calls)
        deaths += 1
        _, records = importing.bank()
        if any(record.question.explanation for record in records.values()):
            seen = len(records)
    assert seen == 250
    fates = importing.run(file)
    assert fates["geography"].updated == 250 - UPDATED_TOGETHER
    assert fates["geography"].unchanged == UPDATED_TOGETHER
    assert fates["geography"].created == 50


def test_an_interruption_publishes_nothing_and_frees_the_bank(importing: Importing) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    lines = [plain(number) for number in range(150)]
    with pytest.raises(KeyboardInterrupt):
        importing.run(lines, at_read=interrupt)
    assert importing.bank() == ({}, {})
    assert importing.run(lines) == {"geography": Fate(created=150)}
    assert importing.watch.waits == importing.pauses == []


def test_an_import_waits_for_the_lease_of_a_dead_writer(importing: Importing) -> None:
    BankWriter(importing.stage.services, "dead").open(["geography"])
    importing.stage.clock.advance(3_000)
    assert importing.run([plain(1)]) == {"geography": Fate(created=1)}
    assert importing.watch.waits == [LEASE - 3_000]
    assert importing.pauses == [(LEASE - 3_000) / 1000]


def test_an_import_gives_up_on_a_writer_that_lives(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing.stage.hold("geography", LEASE, "alive")
    pause = importing.pause

    def renewed(seconds: float) -> None:
        pause(seconds)
        importing.stage.hold("geography", LEASE, "alive")

    monkeypatch.setattr(importing, "pause", renewed)
    with pytest.raises(CommandError, match=r"^The bank is being written by somebody else: "):
        importing.run([plain(1)])
    assert len(importing.watch.waits) == 1
    assert 0 < sum(importing.pauses) <= MAX_WAIT / 1000
    assert importing.bank() == ({}, {})


def test_an_import_that_slept_past_another_writer_stops(importing: Importing) -> None:
    def oversleep() -> None:
        if len(importing.watch.positions) == 1:
            importing.stage.clock.advance(LEASE + 1)
            importing.stage.save(draft("geography", 777))

    with pytest.raises(CommandError) as stopped:
        importing.run((plain(number) for number in range(250)), at_read=oversleep)
    assert str(stopped.value) == (
        "Somebody else wrote the bank meanwhile. Nothing was published. Import it again."
    )
    _, records = importing.bank()
    assert [record.question.text for record in records.values()] == ["geography 777?"]


def test_updates_are_not_written_without_the_lease(importing: Importing) -> None:
    importing.run(plain(number) for number in range(120))
    before = importing.bank()

    def oversleep() -> None:
        if len(importing.watch.positions) == 2:
            importing.stage.clock.advance(LEASE + 1)
            BankWriter(importing.stage.services, "other").open(["geography"])

    with pytest.raises(CommandError, match="Somebody else"):
        importing.run(
            (plain(number, explanation="because") for number in range(120)), at_read=oversleep
        )
    assert importing.bank() == before


def test_an_import_that_slept_alone_goes_on(importing: Importing) -> None:
    def oversleep() -> None:
        importing.stage.clock.advance(LEASE + 1)

    fates = importing.run((plain(number) for number in range(250)), at_read=oversleep)
    assert fates == {"geography": Fate(created=250)}


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            "The database cannot be reached. Nothing was published. Import it again.",
        ),
        (
            ClientError(
                {"Error": {"Code": "ResourceNotFoundException", "Message": "no such table"}}, "op"
            ),
            "The database refuses: no such table. Nothing was published. Import it again.",
        ),
    ],
)
def test_a_database_that_fails_is_told_in_one_sentence(
    importing: Importing, error: Exception, sentence: str
) -> None:
    class Failing:
        def __getattr__(self, _: str) -> Callable[..., Any]:
            def call(**_: Any) -> Any:
                raise error

            return call

    if isinstance(error, ClientError):
        error.response["ResponseMetadata"] = {"HTTPStatusCode": 400}  # type: ignore[typeddict-item]
    with pytest.raises(CommandError) as stopped:
        importing.run([plain(1)], calls=Failing())
    assert str(stopped.value) == sentence


class Slow(io.BytesIO):
    """A file that comes line by line, and counts them."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        super().__init__()
        self._lines = iter(lines)
        self.taken = 0

    def readline(self, _: int | None = -1, /) -> bytes:
        line = next(self._lines, b"")
        self.taken += bool(line)
        return line


def test_a_file_is_staged_as_it_is_read(importing: Importing) -> None:
    lines = ((json.dumps(plain(number)) + "\n").encode() for number in range(1_000))
    file = Slow(lines)
    read_when: list[int] = []
    importing.watch.at_read = lambda: read_when.append(file.taken)
    BankImport(importing.functions(), observer=importing.watch).run(file, "bank.jsonl")
    assert read_when == list(range(100, 1_001, 100))
    assert sizes(importing) == {"geography": 1_000}


@pytest.mark.parametrize("name", ["bank.jsonl", "bank.csv"])
def test_memory_does_not_grow_with_the_file(importing: Importing, name: str) -> None:
    importing.run([plain(1), {"text": "no"}])
    peaks = [_peak(importing, name, lines) for lines in (300, 2_100)]
    assert peaks[1] < peaks[0] + 300_000


def _peak(importing: Importing, name: str, how_many: int) -> int:
    def lines() -> Iterator[str]:
        # A third each is new, given twice, and bad.
        for number in range(how_many):
            text = f"{how_many} {number // 3} " * 100
            right = 9 if number % 3 == 2 else 1
            if name.endswith(".csv"):
                yield f"geography,{text},x,y,{right}"
            else:
                yield json.dumps(plain(1, text=text, id=text[:20], correct=[right - 1]))

    head = ["category,text,answer_1,answer_2,correct"] if name.endswith(".csv") else []
    file = importing.file([*head, *lines()], name)
    bank_import = BankImport(importing.functions())
    tracemalloc.start()
    try:
        with file.open("rb") as content:
            bank_import.run(content, name)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    total = _sum(bank_import.fates.values())
    assert (total.created, total.duplicates, total.refused) == (how_many // 3,) * 3
    return peak


@pytest.mark.parametrize(
    ("name", "categories", "expected", "pinned"),
    [
        ("opentriviaqa_12k.jsonl", 22, Fate(created=12_000), 541),
        ("aws_clf.jsonl", 1, Fate(created=588, duplicates=1), 0),
    ],
)
def test_banks_nobody_here_wrote(
    importing: Importing, name: str, categories: int, expected: Fate, pinned: int
) -> None:
    file = SHARED / name
    if not file.exists():
        pytest.skip(f"../shared/data/{name} is absent")
    fates = importing.run(file).values()
    assert len(fates) == categories
    assert _sum(fates) == expected
    assert not importing.watch.refusals
    registry, records = importing.bank()
    assert sum(entry.size for entry in registry.values()) == expected.created
    assert sum(c.pinned for r in records.values() for c in r.question.choices) == pinned
    again = _sum(importing.run(file).values())
    assert again == Fate(unchanged=expected.created, duplicates=expected.duplicates)


def _sum(fates: Iterable[Fate]) -> Fate:
    total = Fate()
    for fate in fates:
        total.created += fate.created
        total.updated += fate.updated
        total.unchanged += fate.unchanged
        total.duplicates += fate.duplicates
        total.refused += fate.refused
    return total
