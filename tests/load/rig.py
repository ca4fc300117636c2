"""A laptop stage of its own with a bank, learners upon it, and instruments."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import gevent
from locust.env import Environment
from locust.runners import LocalRunner

from lambdas.shared.http.views import progress_view
from lambdas.shared.store.sessions import session_from_item
from local.accounts.token_issuer import Issuer, load_key
from local.data_folder import ROOT, DataFolder
from local.running_stage import RunningStage
from tests.laptop.learner import answer_key
from tests.load import engine_ceiling
from tests.load.books import SessionBooks, Tables, UserBooks, differences
from tests.load.learners import Arrivals, Campaign, SimulatedLearner
from tests.load.made_up_bank import write_bank
from tests.load.measured_stage import DISTANT, meter_files
from tests.load.observations import (
    MEASURED,
    HandlerTime,
    Latencies,
    Processes,
    Sample,
    Window,
)
from tests.support.stage_process import StageProcess, environment

IMPORT_SECONDS = 600
SETTLE_SECONDS = 3.0
CEILING_SECONDS = 5.0
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made in it
"""Where Linux keeps files in memory."""

COUNTING_SECONDS = 120.0
"""Longest lag of the stream's consumer after a load."""


@dataclass
class Rig:
    """Parts of a load test."""

    stage: StageProcess
    campaign: Campaign
    locust: Environment
    runner: LocalRunner
    processes: Processes
    latencies: Latencies
    samples: list[Sample] = field(default_factory=list)
    background: list[gevent.Greenlet] = field(default_factory=list)

    def watch(self) -> None:
        """Look at the processes every second, for ever."""
        while True:
            self.samples.append(self.processes.sample())
            gevent.sleep(1)

    def hold(self, users: int, settle: float = SETTLE_SECONDS) -> None:
        """Bring the number of learners to this, and wait until all of them are there."""
        self.runner.start(users, spawn_rate=max(20.0, users / 10))
        while self.runner.user_count != users:
            gevent.sleep(0.1)
        gevent.sleep(settle)

    def observe(self, seconds: float) -> Window:
        """Return what happens in the next seconds."""
        return self._observe(lambda: gevent.sleep(seconds))

    def observe_import(self, bank: Path) -> Window:
        """Return what happens while a bank is imported, by the program that teachers use."""

        def wait() -> None:
            with _importer(self.stage.data, bank) as importer:
                while importer.poll() is None:
                    gevent.sleep(0.2)
            if importer.returncode:
                self.campaign.fault(f"the import ended with exit code {importer.returncode}")

        return self._observe(wait)

    def _observe(self, wait: Callable[[], None]) -> Window:
        meter = meter_files(self.stage.data)
        self.latencies.clear()
        before, first = HandlerTime.read(meter), self.processes.sample()
        wait()
        last, after = self.processes.sample(), HandlerTime.read(meter)
        return Window(first, last, after.since(before), self.latencies.copy())

    def offer(self, rate: float, settle: float = SETTLE_SECONDS) -> None:
        """Let learners act this often a second, together, once all that is under way is done."""
        assert self.campaign.arrivals
        self.campaign.arrivals.rate = 0.0
        self.campaign.arrivals.forget()
        while self.campaign.busy:
            gevent.sleep(0.1)
        self.campaign.arrivals.rate = rate
        gevent.sleep(settle)

    def warm_up(self, rate: float, requests: int) -> None:
        """Offer a rate until so many requests were answered, and every learner has begun."""
        self.offer(rate)
        self.latencies.clear()
        while self.latencies.total < requests or not all(
            user.sessions for user in self.campaign.users
        ):
            gevent.sleep(0.1)

    def end(self) -> list[str]:
        """Let the learners finish what they do; return what went wrong.

        These are wrong responses, and differences between responses and tables.
        """
        self.runner.stop()
        for user in self.campaign.users:
            for session in user.sessions.values():
                if session.unsettled and session.question:
                    self._settle(user, session, session.unsettled)
        found = differences(
            self.campaign.users,
            self._tables(),
            lambda item: progress_view(session_from_item(item)),
        )
        return [*self.campaign.faults, *found, *self._uncounted()]

    def _uncounted(self) -> list[str]:
        """Return learners whose totals differ from their responses, once the stream was read."""
        left = {user.name: user for user in self.campaign.users if user.questions}
        deadline = time.monotonic() + COUNTING_SECONDS
        totals: dict[str, Any] = {}
        with self.stage.client() as client:
            while left and time.monotonic() < deadline:
                for name, user in list(left.items()):
                    bearer = {"Authorization": f"Bearer {self.campaign.token(name)}"}
                    totals[name] = client.get("/users/me/progress", headers=bearer).json()
                    if {key: totals[name].get(key) for key in user.totals} == user.totals:
                        del left[name]
                gevent.sleep(0.5)
        return [
            f"totals of {name}: told {user.totals}, counted {totals[name]}"
            for name, user in left.items()
        ]

    def ceiling(self) -> engine_ceiling.Ceiling:
        """Measure the engine by itself, with a session that was just played."""
        user = next(each for each in self.campaign.users if each.sessions)
        key = {"userId": user.user_id, "sessionId": next(iter(user.sessions))}
        names = self._names()
        return engine_ceiling.measure(names["DYNAMODB_ENDPOINT"], names, key, CEILING_SECONDS)

    def _names(self) -> dict[str, str]:
        return RunningStage.find(self.stage.data).environment

    def _settle(
        self, user: UserBooks, session: SessionBooks, submission: Mapping[str, Any]
    ) -> None:
        """Send an answer again that nobody acknowledged before the end."""
        path = f"/sessions/{session.session_id}/answer"
        with self.stage.client(self.campaign.token(user.name)) as client:
            response = client.post(path, json=submission)
        if response.status_code != 200:
            self.campaign.fault(f"an answer is refused in the end: {response.text}")
        elif fault := user.settle(session, submission, response.json()):
            self.campaign.fault(fault)

    def _tables(self) -> Tables:
        names = self._names()
        client = boto3.client(
            "dynamodb",
            endpoint_url=names["DYNAMODB_ENDPOINT"],
            region_name=names["AWS_REGION"],
            aws_access_key_id=names["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=names["AWS_SECRET_ACCESS_KEY"],
        )

        def items(table: str) -> list[dict[str, Any]]:
            pages = client.get_paginator("scan").paginate(
                TableName=names[table], ConsistentRead=True
            )
            return [item for page in pages for item in page["Items"]]

        return Tables(
            items("SESSIONS_TABLE"), items("PROGRESS_TABLE"), items("WRONG_ANSWERS_TABLE")
        )


@contextmanager
def rig(
    *,
    questions: int,
    think: float = 0.0,
    rate: float | None = None,
    distance: bool = False,
    page: int | None = None,
) -> Iterator[Rig]:
    """Start a stage in a folder of its own, import the bank, and get learners ready.

    Learners think `think` seconds after each response; with a `rate` they act that often a second,
    together, without waiting for one another. `page` is the port of locust's page. With DynamoDB
    at a distance the engine's file is in memory, if there is such a folder: a flush to this
    machine's disk takes milliseconds at times, on top of the delay that stands for DynamoDB.
    """
    place = MEMORY if distance and MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="quiz-load-", dir=place) as name:
        data, bank = DataFolder(Path(name) / "data"), Path(name) / "bank.jsonl"
        data.path.mkdir()
        write_bank(bank, questions)
        stage = _start(data, distance=distance)
        try:
            stage.await_ready()
            _import(data, bank)
            arrivals = Arrivals(rate) if rate else None
            made = _instruments(stage, bank, think=think, arrivals=arrivals, page=page)
            try:
                yield made
            finally:
                gevent.killall(made.background)
        finally:
            stage.close()


def _start(data: DataFolder, *, distance: bool) -> StageProcess:
    variables = {DISTANT: "1"} if distance else {}
    return StageProcess.start(data, MEASURED, root=ROOT, **variables)


def _importer(data: DataFolder, bank: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "import", str(bank)],
        cwd=ROOT,
        env=environment(data),
        stdout=subprocess.DEVNULL,
    )


def _import(data: DataFolder, bank: Path) -> None:
    with _importer(data, bank) as importer:
        code = importer.wait(IMPORT_SECONDS)
    if code:
        raise subprocess.CalledProcessError(code, "ops import")


def _instruments(
    stage: StageProcess, bank: Path, *, think: float, arrivals: Arrivals | None, page: int | None
) -> Rig:
    issuer = Issuer(load_key(stage.data), stage.url)
    campaign = Campaign(answer_key(bank), issuer.access_token, think, arrivals)
    SimulatedLearner.campaign = campaign
    locust = Environment(user_classes=[SimulatedLearner], host=stage.url, stop_timeout=60)
    latencies = Latencies()

    def observed(
        request_type: str,
        name: str,
        response_time: float,
        exception: Exception | None,
        **_: object,
    ) -> None:
        latencies.add(f"{request_type} {name}", response_time, repr(exception) if exception else "")

    def failed(exception: Exception, **_: object) -> None:
        campaign.fault(f"a learner broke: {exception!r}")

    locust.events.request.add_listener(observed)  # type: ignore[no-untyped-call]  # locust's own
    locust.events.user_error.add_listener(failed)  # type: ignore[no-untyped-call]  # as above
    runner = locust.create_local_runner()
    if page:
        locust.create_web_ui("127.0.0.1", page)
    made = Rig(stage, campaign, locust, runner, Processes(stage.process.pid), latencies)
    made.background.append(gevent.spawn(made.watch))
    if arrivals:
        made.background.append(gevent.spawn(arrivals.run))
    return made
