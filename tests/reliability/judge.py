"""Whether a serial order of the acknowledged operations explains what the tables say.

Within a session the order is what responses carry: an answer's turn, a change's version. Between
sessions only abandoning and reviewing depend on each other: their orders that the clients' own
waiting allows are tried until one explains everything. An operation whose client never heard of
it may have taken effect or not; the state it would have left decides.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, permutations, product
from math import inf
from typing import Any

from tests.integration.stage import InvokedStage
from tests.reliability.history import MismatchError, Request, World
from tests.support.reference_model import Model
from tests.support.reference_rows import differences
from tests.support.reference_session import IllegalError, Shown

MAX_ORDERS = 3_000
SHIFTS = 3
"""An answer decided anew takes effect a millisecond later each time."""

Rows = Mapping[str, list[dict[str, Any]]]


@dataclass
class Operation:
    """One that took effect: `began` and `ended` are when its clients sent it and heard of it."""

    session_id: str
    kind: str
    apply: Callable[[Model], None]
    began: float
    ended: float


@dataclass
class Turn:
    """A turn answered, and the submissions that may have done it."""

    session_id: str
    number: int
    candidates: list[Request]
    chosen: Request | None = None


@dataclass
class Verdict:
    """The verdict on a history; `orders` are those tried until one explained it."""

    answers: int = 0
    sessions: int = 0
    orders: int = 0


def rows_of(stage: InvokedStage, user: str) -> Rows:
    """Return the learner's items of each table."""
    found = {}
    for table in ("users", "sessions", "progress", "wrong_answers"):
        query = {
            "TableName": getattr(stage.services, table).name,
            "KeyConditionExpression": "userId = :user",
            "ExpressionAttributeValues": {":user": {"S": user}},
            "ConsistentRead": True,
        }
        found[table] = stage.services.database.client.query(**query)["Items"]
    return found


class Judge:
    """Goes over one history's evidence."""

    def __init__(self, world: World, rows: Rows) -> None:
        self.world = world
        self.rows = rows
        self.items = {
            item["sessionId"]["S"]: item
            for item in rows["sessions"]
            if "startedSession" not in item
        }
        self.starts = self._starts()
        self.turns = self._turns()
        self.shown = self._shown()

    def judge(self) -> Verdict:
        """Return what the history came to.

        Raises:
            MismatchError: no order of what was acknowledged explains what the tables say.
        """
        self._choose_by_time()
        verdict = Verdict(answers=sum(map(len, self.turns.values())), sessions=len(self.items))
        first: list[str] = []
        for plans in islice(self._plans(), MAX_ORDERS):
            for order in islice(orders(plans), MAX_ORDERS):
                for overlooked in self._overlooked(order, plans):
                    verdict.orders += 1
                    faults = self._try(plans, order, overlooked)
                    if not faults:
                        return verdict
                    first = first or faults
        raise MismatchError("\n".join(["no order explains this:", *first]))

    @property
    def reviews(self) -> int:
        return sum("review" in request.body for request in self.starts.values())

    # --- evidence --------------------------------------------------------------------------

    def _starts(self) -> dict[str, Request]:
        """Return which request each session is of: acknowledged, each exactly one."""
        starts: dict[str, Request] = {}
        for request in self.world.requests:
            if request.operation != "startSession":
                continue
            ids = {call.body["sessionId"] for call in request.calls if call.done}
            if len(ids) > 1:
                raise MismatchError(f"one key led to the sessions {ids}")
            for each in ids:
                starts[each] = request
        if starts.keys() != self.items.keys():
            raise MismatchError(f"started: {sorted(starts)}, stored: {sorted(self.items)}")
        return starts

    def _turns(self) -> dict[str, list[Turn]]:
        turns: dict[str, list[Turn]] = {}
        for session_id, item in self.items.items():
            done = int(item["done"]["M"]["turn"]["N"]) if "done" in item else 0
            turns[session_id] = [
                Turn(session_id, number, self._candidates(session_id, number))
                for number in range(1, done + 1)
            ]
            lost = [
                request
                for request in self._submissions(session_id)
                if request.acknowledged and request.turn > done
            ]
            if lost:
                raise MismatchError(f"lost: {session_id} is at {done}, acknowledged is {lost[0]}")
        return turns

    def _submissions(self, session_id: str) -> list[Request]:
        return [
            request
            for request in self.world.requests
            if request.operation == "submitAnswer" and request.session_id == session_id
        ]

    def _candidates(self, session_id: str, turn: int) -> list[Request]:
        possible = [
            each for each in self._submissions(session_id) if each.turn == turn and each.effective
        ]
        acknowledged = {each.chosen for each in possible if each.acknowledged}
        if acknowledged:
            possible = [each for each in possible if each.chosen in acknowledged]
        if len(acknowledged) > 1 or not possible:
            raise MismatchError(f"turn {turn} of {session_id} was answered by {possible}")
        before = self.world.figures.get((session_id, turn))
        after = self.world.figures.get((session_id, turn + 1))
        if before and after:
            right = after["correctAnswers"] - before["correctAnswers"]
            wrong = after["wrongAnswers"] - before["wrongAnswers"]
            if right + wrong != 1:
                raise MismatchError(f"turn {turn} of {session_id}: {before}, then {after}")
            possible = [each for each in possible if each.right == bool(right)]
        return possible

    def _shown(self) -> dict[str, list[Shown | None]]:
        """Return what each session showed, turn by turn, and then what it shows now."""
        shown: dict[str, list[Shown | None]] = {}
        for session_id, item in self.items.items():
            done = len(self.turns[session_id])
            seen = [self.world.screens.get((session_id, turn)) for turn in range(1, done + 1)]
            if None in seen:
                raise MismatchError(f"{session_id} was answered before it was shown")
            last: Shown | None = None
            if "turn" in item:
                turn = item["turn"]["M"]
                last = Shown(
                    turn["id"]["S"],
                    int(item["turns"]["N"]),
                    turn["pool"]["BOOL"],
                    int(item["presented"]["N"]),
                    turn["why"]["S"],
                )
            shown[session_id] = [*map(Shown.of, seen), last]
        return shown

    def _choose_by_time(self) -> None:
        """Tell which of several equal submissions counted: each gives a time spent of its own."""
        by_question: dict[str, list[Turn]] = {}
        for turns in self.turns.values():
            for turn in turns:
                question = turn.candidates[0].question_id if turn.candidates else ""
                by_question.setdefault(question, []).append(turn)
        spent = {
            item["questionId"]["S"]: int(item["timeSpent"]["N"]) for item in self.rows["progress"]
        }
        for question, turns in by_question.items():
            choices = product(*(turn.candidates for turn in turns))
            for chosen in islice(choices, 20_000):
                if sum(each.time_spent for each in chosen) == spent.get(question):
                    break
            else:
                said = [
                    (t.session_id, t.number, [c.time_spent for c in t.candidates]) for t in turns
                ]
                raise MismatchError(f"{question}: {spent.get(question)} is no sum of {said}")
            for turn, request in zip(turns, chosen, strict=True):
                turn.chosen = request

    # --- plans: what happened in each session, in order -------------------------------------

    def _plans(self) -> Iterator[dict[str, list[Operation]]]:
        ids = list(self.items)
        for chosen in product(*(list(self._session_plans(each)) for each in ids)):
            yield dict(zip(ids, chosen, strict=True))

    def _session_plans(self, session_id: str) -> Iterator[list[Operation]]:
        """Yield what may have made the session's versions, one after the other.

        Changes have the version they made; answers, in order of their turns, and then the end fill
        the versions between.
        """
        item = self.items[session_id]
        certain, possible, abandoning = self._requests(session_id)
        version = int(item["version"]["N"])
        answers = [self._answer(turn) for turn in self.turns[session_id]]
        over = item["status"]["S"] == "ABANDONED"
        free = version - 1 - len(answers) - over - len(certain)
        if free < 0 or any(made > version for made in certain):
            raise MismatchError(f"{session_id} is at {version} only: {len(answers)}, {certain}")
        open_ones = [made for made in possible if made not in certain and made <= version]
        for closed in self._endings(over, abandoning):
            ending = [self._abandon(abandoning)] if over and not closed else []
            for guessed in combinations(open_ones, free):
                for requests in product(*(possible[made] for made in guessed)):
                    changes = certain | dict(zip(guessed, requests, strict=True))
                    rest = iter([*answers, *ending])
                    yield [
                        self._start(session_id),
                        *(
                            self._change(changes[made])
                            if made in changes
                            else next(rest, None) or self._closed(session_id)
                            for made in range(2, version + 1)
                        ),
                    ]

    def _requests(
        self, session_id: str
    ) -> tuple[dict[int, Request], dict[int, list[Request]], list[Request]]:
        """Return changes acknowledged, by version made, those perhaps made, and abandonments."""
        certain: dict[int, Request] = {}
        possible: dict[int, list[Request]] = {}
        abandoning = []
        for request in self.world.requests:
            if request.session_id != session_id or not request.effective:
                continue
            if request.operation == "abandonSession":
                abandoning.append(request)
            elif request.operation == "updateSession":
                made = request.body["version"] + 1
                possible.setdefault(made, []).append(request)
                if request.acknowledged:
                    if made in certain:
                        raise MismatchError(f"{session_id}: version {made} was made twice")
                    certain[made] = request
        return certain, possible, abandoning

    def _endings(self, over: bool, abandoning: list[Request]) -> list[bool]:
        """Whether a review may have closed the session instead of its learner."""
        if not over:
            return [False]
        return [*([False] if abandoning else []), *([True] if self.world.expires else [])]

    def _start(self, session_id: str) -> Operation:
        request, shown = self.starts[session_id], self.shown[session_id][0]
        body, at = request.body, [call.now for call in request.effective]

        def apply(model: Model) -> None:
            if "review" in body:
                model.review(
                    session_id,
                    shown=shown,
                    at=at,
                    category=body["review"].get("category"),
                    name=body["name"],
                    settings=body["settings"],
                )
            else:
                sources = {each["category"]: each["questionCount"] for each in body["sources"]}
                model.start(
                    session_id,
                    sources,
                    shown=shown,
                    at=at,
                    name=body["name"],
                    settings=body["settings"],
                )

        return operation(session_id, "review" if "review" in body else "start", apply, [request])

    def _answer(self, turn: Turn) -> Operation:
        request = turn.chosen
        assert request
        shown = self.shown[turn.session_id][turn.number]
        at = [call.now + shift for call in request.effective for shift in range(SHIFTS)]

        def apply(model: Model) -> None:
            model.answer(
                turn.session_id,
                turn=turn.number,
                right=request.right,
                at=at,
                shown=shown,
                time_spent=request.time_spent,
                chosen=request.chosen,
            )

        return operation(turn.session_id, "answer", apply, [request])

    @staticmethod
    def _change(request: Request) -> Operation:
        session_id = str(request.session_id)
        at = [call.now for call in request.effective]

        def apply(model: Model) -> None:
            wanted = {key: request.body[key] for key in ("name", "status") if key in request.body}
            model.change(session_id, at=at, **wanted)

        return operation(session_id, "change", apply, [request])

    @staticmethod
    def _abandon(requests: list[Request]) -> Operation:
        session_id = str(requests[0].session_id)
        at = [call.now for request in requests for call in request.effective]

        def apply(model: Model) -> None:
            model.abandon(session_id, at=at)

        return operation(session_id, "abandon", apply, requests)

    @staticmethod
    def _closed(session_id: str) -> Operation:
        """A review has to have closed the session by then."""

        def apply(model: Model) -> None:
            if model.sessions[session_id].status != "ABANDONED":
                raise IllegalError(f"{session_id} was closed by nobody")

        return Operation(session_id, "closed", apply, 0, inf)

    # --- trying an order --------------------------------------------------------------------

    def _overlooked(
        self, order: Sequence[Operation], plans: Mapping[str, list[Operation]]
    ) -> Iterator[set[tuple[str, str]]]:
        """Entries that reviews may have left: those queued while they were put together."""
        yield set()
        reviews = [each for each in order if each.kind == "review"]
        late = {
            (session_id, turn.chosen.question_id)
            for session_id, turns in self.turns.items()
            for turn, done in zip(
                turns, (op for op in plans[session_id] if op.kind == "answer"), strict=True
            )
            for review in reviews
            if turn.chosen and done.ended > review.began and done.began < review.ended
        }
        for size in range(1, 3):
            yield from map(set, combinations(sorted(late), size))

    def _try(
        self,
        plans: Mapping[str, list[Operation]],
        order: Sequence[Operation],
        overlooked: set[tuple[str, str]],
    ) -> list[str]:
        trial = _Trial(self, plans)
        trial.model.overlooked = overlooked
        try:
            for event in order:
                trial.come_to(event)
            trial.finish()
        except IllegalError as error:
            return [f"{error}"]
        return differences(
            trial.model, self.rows["sessions"], self.rows["progress"], self.rows["wrong_answers"]
        )

    def check(self, model: Model, session_id: str) -> None:
        """Compare the model with what was seen of the session as it is now in the order."""
        book = model.sessions[session_id]
        turn = book.shown.turn if book.shown else 0
        if book.status in ("ACTIVE", "COMPLETED"):
            seen = self.world.figures.get((session_id, turn))
            figures = model.figures(session_id)
            if seen and seen != figures:
                raise IllegalError(f"{session_id} at turn {turn}: seen {seen}, not {figures}")
        for said, body, now in self.world.views:
            if (said, body["version"]) == (session_id, book.version):
                view = model.view(session_id, now)
                seen = {name: body[name] for name in view}
                if seen != view:
                    raise IllegalError(f"{session_id} was seen as {seen}, not {view}")


class _Trial:
    """A model, and how far each session's plan is carried out in it."""

    def __init__(self, judge: Judge, plans: Mapping[str, list[Operation]]) -> None:
        self.judge = judge
        self.left = {session_id: list(plan) for session_id, plan in plans.items()}
        self.model = Model()

    def come_to(self, event: Operation) -> None:
        """Carry out what comes before an event, and the event."""
        for session_id in self.left:
            if session_id == event.session_id:
                self._until(session_id, lambda each: each is event)
            else:
                self._until(
                    session_id,
                    lambda each: each.kind in EVENTS or each.began > event.ended,
                )
        if self.left[event.session_id][:1] != [event]:
            raise IllegalError("this order is none")
        self._next(event.session_id)

    def finish(self) -> None:
        for session_id in self.left:
            self._until(session_id, lambda _: False)

    def _until(self, session_id: str, stop: Callable[[Operation], bool]) -> None:
        while self.left[session_id] and not stop(self.left[session_id][0]):
            self._next(session_id)

    def _next(self, session_id: str) -> None:
        done = self.left[session_id].pop(0)
        done.apply(self.model)
        self.judge.check(self.model, session_id)


EVENTS = ("abandon", "review", "closed")


def operation(
    session_id: str, kind: str, apply: Callable[[Model], None], requests: Sequence[Request]
) -> Operation:
    calls = [call for request in requests for call in request.effective]
    ended = [call.ended for call in calls if call.done and call.ended is not None]
    return Operation(
        session_id,
        kind,
        apply,
        began=min(call.began for call in calls),
        ended=min(ended, default=inf),
    )


def orders(plans: Mapping[str, list[Operation]]) -> Iterator[Sequence[Operation]]:
    """Yield the orders of abandoning and reviewing in which nothing begins after what it precedes.

    The order in which the clients heard of them comes first.
    """
    events = sorted(
        (each for plan in plans.values() for each in plan if each.kind in ("abandon", "review")),
        key=lambda each: (each.ended, each.began),
    )
    for order in permutations(events):
        if all(earlier.began < later.ended for earlier, later in combinations(order, 2)):
            yield order
