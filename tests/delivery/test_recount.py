"""Compares the running stage's figures with an independent recount of the responses.

The stage's stream goes through a shim that repeats, reorders, spoils and fails (`faulty_pump`).
`make recount ANSWERS=10000` plays as many answers as the proof is to be worth, and prints what it
took; `make test` plays a few hundred.
"""

import json
import math
import os
import signal
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from random import Random
from re import findall
from typing import Any

import boto3
import httpx2
import pytest

from domain.statistics.given_answer import GivenAnswer
from local.accounts.token_issuer import Issuer, load_key
from local.data_folder import ROOT, DataFolder
from local.running_stage import RunningStage
from local.stream.reader import ShardReader, stream_of, streams_client
from tests.delivery.players import (
    CATEGORIES,
    Item,
    Player,
    items,
    milliseconds,
    play_in_turns,
)
from tests.support.recount import by_version, item_statistics, learner_totals
from tests.support.stage_process import StageProcess, run_program

HANDS = 4
ANSWERS = int(os.environ.get("ANSWERS", "320")) // (4 * HANDS) * (4 * HANDS)
LEARNERS = max(12, ANSWERS // 125)
HELD = ANSWERS // 4
"""Answers given while the stream stands still, to see how fast it is caught up with."""
QUESTIONS = 6 if ANSWERS <= 1_000 else 20
LONG = 120.0
SPENT = ("seconds", "calls", "read", "written")


@dataclass
class Told:
    """The shim's report on deliveries: lag of each counted record, and records given up."""

    path: Path
    lags: dict[str, int] = field(default_factory=dict)
    live: list[int] = field(default_factory=list)
    given_up: set[str] = field(default_factory=set)
    malformed: set[str] = field(default_factory=set)
    late: int = 0
    injected: dict[str, int] = field(default_factory=dict)
    spent: "Counter[str]" = field(default_factory=Counter)
    change: threading.Condition = field(default_factory=threading.Condition)

    def listen(self) -> None:
        """Read on until the stage ends."""
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                told = json.loads(line)
                with self.change:
                    for event, lag in told.get("counted", {}).items():
                        self.lags.setdefault(event, lag)
                    for event in told.get("given_up", []):
                        (self.given_up if event.isdecimal() else self.malformed).add(event)
                    self.injected, self.late = told["injected"], told["late"]
                    if "calls" in told:
                        self.spent.update({name: told[name] for name in SPENT}, invocations=1)
                    self.change.notify_all()

    def await_settled(self, records: int) -> None:
        """Return once so many records are counted or given up, and what was injected too."""

        def settled() -> bool:
            poison = self.injected.get("malformed", -1)
            return (
                len(self.lags.keys() | self.given_up) >= records
                and len(self.malformed) == poison
                and self.late == 0
            )

        with self.change:
            assert self.change.wait_for(settled, LONG + records / 50), (self, records)


@dataclass
class Played:
    """The stage after all was answered, with what the learners wrote down."""

    stage: StageProcess
    told: Told
    players: Sequence[Player]
    bank: dict[str, Item]
    seconds: float
    catching_up: float = 0.0

    @property
    def given(self) -> list[GivenAnswer]:
        return [each for player in self.players for each in player.given]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    data = DataFolder(tmp_path_factory.mktemp("data"))
    for known in (ROOT / ".local").glob("tables-*.json"):
        (data.path / known.name).write_bytes(known.read_bytes())
    told, held = Told(data.path / "told"), data.path / "held"
    os.mkfifo(told.path)
    listener = threading.Thread(target=told.listen, daemon=True)
    listener.start()
    stage = StageProcess.start(
        data,
        "tests.delivery.faulty_stage",
        TOLD_TO=str(told.path),
        HELD_BY=str(held),
        SOUND_AFTER=str(ANSWERS - HELD),
    )
    with ExitStack() as clients:
        clients.callback(stage.close)
        stage.await_ready()
        yield play(stage, told, held, clients)
        assert stage.end(signal.SIGINT) == 0


def play(stage: StageProcess, told: Told, held: Path, clients: ExitStack) -> Played:
    bank = {item.text: item for item in items(QUESTIONS)}
    issuer = Issuer(load_key(stage.data), stage.url)
    with stage.client(issuer.access_token("keeper", ["admin"])) as keeper:
        drafts = [item.draft for item in bank.values()]
        saved = keeper.post("/admin/questions", json={"questions": drafts}).json()["results"]
        ids = {each["questionId"]: drafts[each["index"]]["text"] for each in saved}
    abilities = Random(2)
    players = []
    for number in range(LEARNERS):
        client = clients.enter_context(stage.client(issuer.access_token(f"learner-{number}")))
        players.append(
            Player(
                user=client.get("/users/me").json()["userId"],
                client=client,
                bank=bank,
                random=Random(f"player {number}"),
                ability=abilities.gauss(0.5, 1.2),
            )
        )
    seconds = all_answer(players, ANSWERS - HELD)
    told.await_settled(ANSWERS - HELD)
    held.touch()
    seconds += all_answer(players, HELD)
    asked = {question: bank[text] for question, text in ids.items()}
    result = Played(stage, told, players, asked, seconds)
    assert len(result.given) == ANSWERS
    began, told.live = time.monotonic(), list(told.lags.values())
    held.unlink()
    told.await_settled(ANSWERS)
    result.catching_up = time.monotonic() - began
    return result


def all_answer(players: Sequence[Player], answers: int) -> float:
    """Let several hands play, each for some of the players; return how many seconds it took."""
    began = time.monotonic()
    hands = [
        threading.Thread(
            target=play_in_turns, args=(players[n::HANDS], answers // HANDS, Random(n))
        )
        for n in range(HANDS)
    ]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return time.monotonic() - began


@pytest.mark.slow
def test_what_is_counted_is_what_learners_were_told(
    played: Played, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in RunningStage.find(played.stage.data).environment.items():
        monkeypatch.setenv(name, value)
    before = differences(played)
    assert before, "what could not be counted is missing until it is redriven"
    done = run_program("redrive", played.stage.data, "--stage", "local")
    # A batch that fails after it was counted sets its malformed records aside once more.
    left = sum(map(int, findall(r": (\d+) of \d+ records? not counted", done.stdout)))
    assert left >= played.told.injected["malformed"], done.stdout + done.stderr
    assert done.returncode == 1
    found = differences(played)
    assert any(player.repeats for player in played.players)
    assert played.told.given_up
    assert all(played.told.injected.values())
    with capsys.disabled():
        sys.stdout.write(f"\n{report(played, found)}\n")
    assert found == []


def differences(played: Played) -> list[str]:
    """Return each figure that differs from the recount, all read over HTTP."""
    issuer = Issuer(load_key(played.stage.data), played.stage.url)
    with played.stage.client(issuer.access_token("keeper", ["admin"])) as keeper:
        return [*_of_learners(played, keeper), *_of_questions(played, keeper)]


def _of_learners(played: Played, keeper: httpx2.Client) -> Iterator[str]:
    today = time.time_ns() // 86_400_000_000_000
    for player in played.players:
        told = keeper.get(f"/users/{player.user}/progress").json()
        expected = learner_totals(player.given, today)
        right, attempts = expected["correct"], len(player.given)
        expected |= {
            "attempts": attempts,
            "accuracy": round(right / attempts, 4) if attempts else 0.0,
            "wrongPoolSize": len(player.pool),
            "remainingTries": sum(player.pool.values()),
        }
        yield from unequal(player.user, told, expected)
        if attempts:
            # The header that gives the recount its time has whole seconds.
            newest = max(each.at for each in player.given)
            as_of = milliseconds(datetime.fromisoformat(told["asOf"]))
            if not newest - 2_000 <= as_of <= newest + 2_000:
                yield f"{player.user}: as of {told['asOf']}"


def _of_questions(played: Played, keeper: httpx2.Client) -> Iterator[str]:
    answers = by_version(played.given)
    judged: dict[str, dict[str, Expected]] = {category: {} for category in CATEGORIES}
    for question, item in played.bank.items():
        expected = Expected.of(item, answers.get((question, 1), []))
        judged[item.category][question] = expected
        told = keeper.get(f"/admin/questions/{question}/statistics").json()
        yield from unequal(question, told, expected.exact)
        yield from unlike(question, told, expected)
    for category, questions in judged.items():
        told = keeper.get(f"/admin/categories/{category}/statistics").json()
        yield from unequal(category, told, of_category(questions))


def unequal(what: str, told: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expected.items():
        if told[name] != value:
            yield f"{what}: {name} is {told[name]}, not {value}"


def unlike(what: str, told: Mapping[str, Any], expected: "Expected") -> Iterator[str]:
    """Tolerances of floating point and of time bins: 0.0001, a millisecond, 9.1%."""
    found = expected.found
    pairs = [
        ("facility", told["facility"], found["facility"], 0.00006),
        ("discrimination", told["discrimination"]["value"], found["discrimination"], 0.00006),
        *(
            (f"discrimination {end}", told["discrimination"][end], value, 0.0002)
            for end, value in expected.interval.items()
        ),
        ("mean time", told["timeSpent"]["mean"], seconds(found["meanTime"]), 0.00051),
        *(
            (name, told["timeSpent"][name], seconds(found["quantiles"][share]), None)
            for name, share in (("lowerQuartile", 0.25), ("median", 0.5), ("upperQuartile", 0.75))
        ),
    ]
    for name, says, value, bound in pairs:
        if says is None or value is None:
            same = says is value
        else:
            same = abs(says - value) <= (0.091 * value + 0.0005 if bound is None else bound)
        if not same:
            yield f"{what}: {name} is {says}, not {value}"


def seconds(value: float | None) -> float | None:
    return None if value is None else value / 1000


@dataclass(frozen=True)
class Expected:
    """A question's statistics by the recount, and what follows from them by the definitions."""

    found: dict[str, Any]
    item: Item

    @classmethod
    def of(cls, item: Item, answers: Sequence[GivenAnswer]) -> "Expected":
        return cls(item_statistics(answers, len(item.choices)), item)

    @property
    def exact(self) -> dict[str, Any]:
        """Figures made of whole numbers, by their names in the contract."""
        found, (_, by_strongest) = self.found, self.found["strongest"]
        return {
            "version": 1,
            "category": self.item.category,
            "attempts": found["answers"],
            "correct": found["right"],
            "firstTries": found["firstTries"],
            "firstTriesCorrect": found["firstRight"],
            "reviews": found["reviews"],
            "reviewsCorrect": found["reviewsRight"],
            "choices": [
                {
                    "text": text,
                    "correct": text in self.item.right,
                    "taken": taken,
                    "takenAtFirst": first,
                    "takenByStrongest": able,
                }
                for text, taken, first, able in zip(
                    self.item.choices,
                    found["taken"],
                    found["firstTaken"],
                    by_strongest,
                    strict=True,
                )
            ],
            "months": [
                {"month": month, "firstTries": tries, "correct": right}
                for month, tries, right in found["months"]
            ],
            "learning": learning(found["attempts"]),
            "flags": self.flags,
        }

    @property
    def interval(self) -> dict[str, float | None]:
        """Fisher's interval of the discrimination."""
        value, pairs = self.found["discrimination"], self.found["scored"]
        if value is None or pairs <= 3 or abs(value) > 0.999999:
            return {"low": None, "high": None}
        width = 1.96 / math.sqrt(pairs - 3)
        return {
            "low": math.tanh(math.atanh(value) - width),
            "high": math.tanh(math.atanh(value) + width),
        }

    @property
    def flags(self) -> list[str]:
        """The worst first, once 30 learners have tried it."""
        if self.found["firstTries"] < 30:
            return []
        facility, discrimination = self.found["facility"], self.found["discrimination"]
        learners, taken = self.found["strongest"]
        by_text = dict(zip(self.item.choices, taken, strict=True))
        right = [by_text[text] for text in self.item.right]
        wrong = [by_text[text] for text in self.item.choices if text not in self.item.right]
        misleads = learners >= 10 and max(wrong) > min(right)
        rivals = learners >= 10 and 2 * max(wrong) >= min(right)
        poor = discrimination is not None and discrimination < 0.2
        holds = {
            "MISLEADING": misleads,
            "AMBIGUOUS": rivals and poor and not misleads,
            "TOO_HARD": facility <= 0.2,
            "TOO_EASY": facility >= 0.95,
        }
        return [flag for flag, holding in holds.items() if holding]


def learning(attempts: Sequence[tuple[int, int, int]]) -> list[dict[str, int]]:
    return [
        {"attempt": number, "answers": count, "correct": right} for number, count, right in attempts
    ]


def summed(parts: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Add up the last two members of what begins alike."""
    sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for *name, one, other in parts:
        sums[tuple(name)][0] += one
        sums[tuple(name)][1] += other
    return [(*name, *sums[name]) for name in sorted(sums, key=lambda name: name[0])]


def of_category(questions: Mapping[str, Expected]) -> dict[str, Any]:
    found = [each.found for each in questions.values()]
    tried = [each for each in found if each["firstTries"]]
    judged = {name: each for name, each in questions.items() if each.found["firstTries"] >= 30}
    classes = Counter(min(10 * each["firstRight"] // each["firstTries"], 9) for each in tried)
    flags = Counter(flag for each in judged.values() for flag in each.flags)
    first = sum(each["firstTries"] for each in found)
    right = sum(each["firstRight"] for each in found)
    return {
        "questions": len(questions),
        "answered": len(tried),
        "judged": len(judged),
        "attempts": sum(each["answers"] for each in found),
        "firstTries": first,
        "firstTriesCorrect": right,
        "reviews": sum(each["reviews"] for each in found),
        "reviewsCorrect": sum(each["reviewsRight"] for each in found),
        "facility": round(right / first, 4) if first else None,
        "facilities": [
            {"from": step / 10, "to": (step + 1) / 10, "questions": classes[step]}
            for step in range(10)
        ],
        "learning": learning(summed(part for each in found for part in each["attempts"])),
        "poolDepth": [
            {
                "fromAnswer": begin,
                "toAnswer": end,
                "answers": count,
                "meanDepth": round(entries / count, 4),
            }
            for begin, end, count, entries in summed(
                part for each in found for part in each["depths"]
            )
        ],
        "flags": {
            "misleading": flags["MISLEADING"],
            "ambiguous": flags["AMBIGUOUS"],
            "tooHard": flags["TOO_HARD"],
            "tooEasy": flags["TOO_EASY"],
        },
    }


def report(played: Played, found: Sequence[str]) -> str:
    """Return the figures of the run, with what the engine itself can do beside them."""
    told, spent, lags = played.told, played.told.spent, sorted(played.told.live)
    counted = len(told.lags)
    read, transactions = engine_limits()
    figures = {
        "answers": f"{ANSWERS} of {LEARNERS} learners to {len(played.bank)} questions, "
        f"{ANSWERS / played.seconds:.0f} a second over HTTP",
        "sent twice by clients": sum(player.repeats for player in played.players),
        "duplicates": told.injected["duplicates"],
        "reordered": told.injected["reordered"],
        "poison": f"{told.injected['malformed']} malformed, {len(told.given_up)} uncountable, "
        "redriven",
        "differences": len(found),
        "lag": f"median {statistics.median(lags)} ms, 99% {lags[99 * len(lags) // 100]} ms, "
        f"max {lags[-1]} ms",
        "consumer": f"{HELD / played.catching_up:.0f} answers a second, catching up with {HELD}; "
        f"{counted / spent['seconds']:.0f} in {spent['invocations']:.0f} invocations, poison and "
        "all",
        "its cost by answer": f"{spent['calls'] / counted:.3f} round trips, "
        f"{spent['read'] / counted:.2f} read and {spent['written'] / counted:.2f} write units",
        "engine": f"{read:.0f} stream records a second; {transactions:.0f} transactions of three "
        "writes a second, one client",
    }
    return "\n".join([f"{name:22} {value}" for name, value in figures.items()] + list(found[:20]))


def engine_limits() -> tuple[float, float]:
    """Return records a second read from the stream, and transactions a second, alone."""
    endpoint = os.environ["DYNAMODB_ENDPOINT"]
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    stream = stream_of(client, streams_client(endpoint), os.environ["PROGRESS_TABLE"])
    assert stream
    (shard,) = stream.shards()
    reader, began = ShardReader(stream, shard, None), time.monotonic()
    while reader.read():
        pass
    read = len(reader.waiting) / (time.monotonic() - began)
    assert len(reader.waiting) == ANSWERS
    began, done = time.monotonic(), 0
    for done in count(1):
        client.transact_write_items(TransactItems=[put(done, n) for n in range(3)])
        if time.monotonic() - began > 1:
            break
    return read, done / (time.monotonic() - began)


def put(number: int, place: int) -> Any:
    """Return a write of a kilobyte to a table that nothing else of the proof reads."""
    item = {
        "userId": {"S": f"limit-{number}"},
        "timestamp": {"S": str(place)},
        "filler": {"S": "x" * 900},
    }
    return {"Put": {"TableName": os.environ["WRONG_ANSWERS_TABLE"], "Item": item}}
