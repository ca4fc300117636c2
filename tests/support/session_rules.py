"""The rules of the engine once more, read straight from the design: plain lists and dicts.

It imports nothing of `domain`, holds the whole pool in one list, and draws nothing itself: it is
given the draw and decides whether it was allowed. Slow, obvious, and for comparison alone.
"""

from typing import TypedDict


class Owed(TypedDict):
    """A question in the wrong-answer pool; `turn` is the one of its latest right answer."""

    question: str
    tries: int
    at: int
    turn: int


class Spaced(TypedDict):
    """Settings of the spaced policy; a limit of 0 is none."""

    lags: dict[int, int]
    share: int
    limit: int


class Sheet(TypedDict):
    """The model's knowledge of a question."""

    right: set[int]
    pinned: set[int]
    count: int


class IllegalMoveError(Exception):
    """The engine did what the rules forbid."""


class ReferenceModel:
    """One session by the rules: it receives the events and rejects forbidden ones."""

    def __init__(
        self,
        sheets: dict[str, Sheet],
        asked: dict[str, int],
        percentage: int,
        spaced: Spaced | None = None,
    ) -> None:
        self.sheets = sheets
        self.to_ask = dict(asked)
        self.percentage = percentage
        self.spaced = spaced
        self.turn = 0
        self.reason = ""
        self.seen: list[str] = []
        self.pool: list[Owed] = []
        self.on_screen: str | None = None
        self.last_shown: str | None = None
        self.order: list[int] = []
        self.missed = False
        self.old_entry: Owed | None = None
        self.newest = 0
        self.put_right: set[str] = set()
        self.mastered: set[str] = set()
        self.right_answers = 0
        self.wrong_answers = 0

    # Allowed draws

    def fresh_questions(self) -> list[str]:
        return [
            name
            for name in self.sheets
            if name not in self.seen and self.to_ask[name.split(":", maxsplit=1)[0]] > 0
        ]

    def next_of_pool(self) -> Owed | None:
        others = [owed for owed in self.pool if owed["question"] != self.last_shown]
        candidates = others or self.pool
        if self.spaced is not None:
            candidates = sorted(candidates, key=lambda owed: (self.due(owed), owed["at"]))
        return candidates[0] if candidates else None

    def due(self, owed: Owed) -> int:
        assert self.spaced is not None
        return owed["turn"] + self.spaced["lags"][owed["tries"]]

    def may_come(self) -> dict[str, dict[str, str]]:
        """Return the questions that may be drawn now, each with the reason, by side."""
        fresh = dict.fromkeys(self.fresh_questions(), "NEW")
        owed = self.next_of_pool()
        if owed is None:
            return {"fresh": fresh, "pool": {}}
        pool = {owed["question"]: "DUE"}
        if owed["question"] == self.last_shown and fresh:
            return {"fresh": fresh, "pool": {}}
        if self.spaced is None:
            pool = pool if self.percentage or not fresh else {}
            fresh = {} if self.percentage == 100 else fresh
        else:
            full = 0 < self.spaced["limit"] <= len(self.pool)
            if self.due(owed) > self.turn + 1:
                pool = {owed["question"]: "LIMIT"} if full and fresh else {}
            if full or (pool and self.spaced["share"] == 100):
                fresh = {}
        if not self.fresh_questions():
            is_due = self.spaced is not None and self.due(owed) <= self.turn + 1
            pool = {owed["question"]: "DUE" if is_due else "REST"}
        return {"fresh": fresh, "pool": pool}

    # Events

    def show(self, name: str, order: list[int], *, from_pool: bool) -> None:
        side = "pool" if from_pool else "fresh"
        if self.on_screen is not None:
            raise IllegalMoveError(f"{self.on_screen} is on screen still")
        if name not in self.may_come()[side]:
            raise IllegalMoveError(f"{name} may not come from the {side}: {self.may_come()}")
        self.check_order(name, order)
        self.reason = self.may_come()[side][name]
        self.turn += 1
        self.on_screen, self.last_shown, self.order, self.missed = name, name, order, False
        self.old_entry = None
        if from_pool:
            self.old_entry = next(owed for owed in self.pool if owed["question"] == name)
        else:
            self.seen.append(name)
            self.to_ask[name.split(":", maxsplit=1)[0]] -= 1

    def show_again(self, order: list[int]) -> None:
        if self.on_screen is None or not self.missed:
            raise IllegalMoveError("nothing was missed")
        self.check_order(self.on_screen, order)
        sheet = self.sheets[self.on_screen]
        if sheet["count"] - len(sheet["pinned"]) > 1 and order == self.order:
            raise IllegalMoveError(f"the choices of {self.on_screen} were not shuffled")
        self.order, self.reason = order, "RETRY"
        self.turn += 1

    def check_order(self, name: str, order: list[int]) -> None:
        sheet = self.sheets[name]
        if sorted(order) != list(range(sheet["count"])):
            raise IllegalMoveError(f"{order} is no order of the choices of {name}")
        if any(order[place] != place for place in sheet["pinned"]):
            raise IllegalMoveError(f"{order} moves a pinned choice of {name}")

    def answer(self, selected: set[int], now: int) -> str:
        name = self.on_screen
        if name is None:
            raise IllegalMoveError("there is nothing to answer")
        if selected != self.sheets[name]["right"]:
            self.wrong_answers += 1
            self.missed = True
            if self.old_entry is not None and self.old_entry in self.pool:
                self.pool.remove(self.old_entry)
            return "WRONG"
        self.right_answers += 1
        self.put_right.add(name)
        self.on_screen = None
        if self.missed:
            self.missed = False
            self.newest = max(now, self.newest + 1)
            self.pool.append({"question": name, "tries": 2, "at": self.newest, "turn": self.turn})
            return "QUEUED"
        if self.old_entry is not None:
            self.old_entry["tries"] -= 1
            self.old_entry["turn"] = self.turn
            if self.old_entry["tries"] > 0:
                return "LOWERED"
            self.pool.remove(self.old_entry)
        self.mastered.add(name)
        return "MASTERED"

    # Figures

    def is_over(self) -> bool:
        return self.on_screen is None and not self.pool and not self.fresh_questions()

    def owed(self) -> tuple[int, int]:
        questions = [owed["tries"] for owed in self.pool]
        if self.missed:
            questions.append(2)
        return len(questions), sum(questions)

    def indicator(self) -> str:
        questions, tries = self.owed()
        if questions == 0:
            return ""
        noun = "Question" if questions == 1 else "Questions"
        unit = "Try" if tries == 1 else "Tries"
        return "(+" + str(questions) + " " + noun + " @ " + str(tries) + " " + unit + ")"

    def answers_left(self) -> int:
        """Count by playing on: every answer right, nothing else."""
        left = sum(self.to_ask.values()) + sum(owed["tries"] for owed in self.pool)
        if self.on_screen is None:
            return left
        if self.missed:
            return left + 1 + 2
        return left if self.old_entry is not None else left + 1
