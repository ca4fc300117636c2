"""Clients that take turns, and a database whose calls go wrong, both from one seed.

Every call to the database is a place where another client may go on. With a `Baton` only the one
that holds it runs, and the seed decides who gets it next: a history plays the same again from its
seed. `Free` clients run as the machine lets them, really at the same time.
"""

import json
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any, Protocol
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import ExponentialBackoff

from tests.integration.stage import InvokedStage


class CrashError(BaseException):
    """The function dies: nothing in it may catch this."""


class Scheduler(Protocol):
    """Runs clients, and lets others go on."""

    def run(self, clients: Sequence[Callable[[], None]]) -> None:
        """Run them all to their end; raise what one of them raised."""

    def step_aside(self, passes: int = 0) -> None:
        """Let others go on, until so many calls to the database were made if there are any."""


@dataclass
class Baton:
    """One client runs at a time; who is next is drawn from the seed."""

    random: Random
    keep: float = 0.3
    _gates: dict[int, threading.Semaphore] = field(default_factory=dict)
    _until: dict[int, int] = field(default_factory=dict)
    _passes: int = 0
    _mine: threading.local = field(default_factory=threading.local)

    def run(self, clients: Sequence[Callable[[], None]]) -> None:
        failures: list[BaseException] = []

        def body(me: int, client: Callable[[], None]) -> None:
            self._mine.me = me
            self._gates[me].acquire()
            try:
                client()
            except BaseException as failure:
                failures.append(failure)
            del self._gates[me], self._until[me]
            if self._gates:
                self._gates[self._next()].release()

        self._gates = {me: threading.Semaphore(0) for me in range(len(clients))}
        self._until = dict.fromkeys(self._gates, 0)
        threads = [
            threading.Thread(target=body, args=(me, client), daemon=True)
            for me, client in enumerate(clients)
        ]
        for thread in threads:
            thread.start()
        self._gates[self._next()].release()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def step_aside(self, passes: int = 0) -> None:
        me = self._mine.me
        self._passes += 1
        self._until[me] = self._passes + passes
        if not passes and self.random.random() < self.keep:
            return
        following = self._next()
        if following != me:
            gate = self._gates[me]
            self._gates[following].release()
            gate.acquire()

    def _next(self) -> int:
        ready = [each for each in self._gates if self._until[each] <= self._passes]
        return self.random.choice(ready or [min(self._until, key=self._until.__getitem__)])


@dataclass
class Free:
    """Clients run at once; one that steps aside waits for calls of the others."""

    _changed: threading.Condition = field(default_factory=threading.Condition)
    _running: int = 0
    _passes: int = 0

    def run(self, clients: Sequence[Callable[[], None]]) -> None:
        failures: list[BaseException] = []

        def body(client: Callable[[], None]) -> None:
            try:
                client()
            except BaseException as failure:
                failures.append(failure)
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

        self._running = len(clients)
        threads = [threading.Thread(target=body, args=(each,), daemon=True) for each in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def step_aside(self, passes: int = 0) -> None:
        with self._changed:
            self._passes += 1
            self._changed.notify_all()
            if not passes:
                return
            until = self._passes + passes
            self._running -= 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._passes >= until or not self._running)
            self._running += 1


FAULTS = {
    "dropped": 5.0,
    "reply lost": 5.0,
    "duplicated": 3.0,
    "duplicated late": 3.0,
    "delayed": 3.0,
    "reply delayed": 3.0,
    "crashed before": 1.5,
    "crashed after": 1.5,
}
"""Faults of calls to the database, in percent of calls: a quarter in all."""


@dataclass
class Chaos:
    """Interferes with the calls of clients: threads that have called `enter`."""

    stage: InvokedStage
    scheduler: Scheduler
    met: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    _late: deque[AWSPreparedRequest] = field(default_factory=deque)
    _mine: threading.local = field(default_factory=threading.local)

    def enter(self, random: Random) -> None:
        """Make this thread a client, whose luck is drawn from `random`."""
        self._mine.random = random
        self._mine.faults = 0

    @property
    def faults(self) -> int:
        """Faults this thread has met."""
        met: int = self._mine.faults
        return met

    @contextmanager
    def reigning(self) -> Iterator[None]:
        """Interfere for as long as this lasts; what is late still arrives at its end."""
        events = self.stage.services.database.client.meta.events
        hook: Any = self._meet
        events.register("before-send.dynamodb", hook)
        try:
            with (
                patch.object(ExponentialBackoff, "delay_amount", return_value=0.0),
                # The SDK stops retrying when most calls fail: what earlier histories met would
                # show in this one.
                patch.object(RetryQuota, "acquire", return_value=True),
            ):
                yield
        finally:
            events.unregister("before-send.dynamodb", hook)
            while self._late:
                self._arrive()

    def _meet(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        random = getattr(self._mine, "random", None)
        if random is None:
            return None
        self.calls += 1
        self.scheduler.step_aside()
        if random.random() < 0.2:
            self._arrive()
        luck = random.random() * 100
        for kind, share in FAULTS.items():
            luck -= share
            if luck < 0:
                self.met[kind] += 1
                self._mine.faults += 1
                return self._fault(kind, request, random)
        return None

    def _fault(self, kind: str, request: AWSPreparedRequest, random: Random) -> AWSResponse | None:
        match kind:
            case "dropped":
                raise EndpointConnectionError(endpoint_url=request.url, error=OSError())
            case "crashed before":
                raise CrashError
            case "delayed":
                self.scheduler.step_aside(random.randint(3, 40))
                return None
            case _:
                return self._sent(kind, request, random)

    def _sent(self, kind: str, request: AWSPreparedRequest, random: Random) -> AWSResponse:
        response = deliver(request)
        match kind:
            case "reply lost":
                self.scheduler.step_aside()
                lost = random.choice([ReadTimeoutError, ConnectionClosedError])
                raise lost(endpoint_url=request.url)
            case "crashed after":
                raise CrashError
            case "duplicated":
                self.scheduler.step_aside()
                return random.choice([response, deliver(request)])
            case "duplicated late":
                self._late.append(forgotten(request, random))
            case _:
                self.scheduler.step_aside(random.randint(3, 40))
        return response

    def _arrive(self) -> None:
        with suppress(IndexError):
            deliver(self._late.popleft())


@cache
def _http() -> URLLib3Session:
    # As the SDK's own: without it each call waits 40 ms for an acknowledgement.
    options: Any = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    return URLLib3Session(max_pool_connections=50, socket_options=options)


def deliver(request: AWSPreparedRequest) -> AWSResponse:
    """Send a request to the database beside the SDK."""
    return _http().send(request)


def forgotten(request: AWSPreparedRequest, random: Random) -> AWSPreparedRequest:
    """Return a request as it is when it arrives so late that its token is not known any more."""
    body = request.body
    assert isinstance(body, bytes)
    token = json.loads(body).get("ClientRequestToken")
    if token is None:
        return request
    other = f"{random.getrandbits(128):032x}".ljust(len(token), "0")[: len(token)]
    changed = body.replace(token.encode(), other.encode())
    return AWSPreparedRequest(request.method, request.url, request.headers, changed, False)
