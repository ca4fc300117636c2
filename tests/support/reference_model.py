"""Expected contents of a learner's tables: a serial reference model, written from the design.

It imports nothing of the engine. Tell it the operations that took effect, one after the other, each
with what the system showed next; it computes the result: each session's figures, the questions
answered, the entries of the pool. reference_rows.py compares it with the tables. The system chooses
the next question; the model takes that choice from what was shown and raises `IllegalError` where
the rules do not allow it.

    model = Model()
    model.start("s1", {"rivers": 3}, shown=Shown.of(body["question"]), at=clock.now)
    model.answer("s1", turn=1, right=False, time_spent=1500, at=now, shown=Shown.of(next_question))
    assert reply.body["progress"] == model.figures("s1")
    assert session_body == model.view("s1", now)
    assert differences(model, sessions_rows, progress_rows, wrong_answers_rows) == []

Times are milliseconds. Where it is not known at which of several moments an operation took effect
(it was sent more than once), `at` may be a collection of the moments possible; rows are then
compared with all that follow from them.

The model is of a bank that does not change while sessions play (edits in place are no change to it:
an answer to an older version does not count), of at most 100 pool entries a learner.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.support.reference_session import (
    LIFETIME,
    MAX_CATEGORIES,
    MAX_REVIEW,
    RATIO,
    TRIES,
    Attempt,
    Entry,
    IllegalError,
    Moment,
    SessionBook,
    Settings,
    Shown,
    Times,
    at_limit,
    category_of,
    due,
    oldest,
    times,
)


class Model:
    """A learner's sessions, progress and wrong-answer pool, and the operations on them."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionBook] = {}
        self.attempts: dict[str, list[Attempt]] = {}
        self.entries: list[Entry] = []
        self.forgotten: set[str] = set()
        self.overlooked: Collection[tuple[str, str]] = ()

    def copy(self) -> "Model":
        return deepcopy(self)

    # --- operations ------------------------------------------------------------------------

    def start(
        self,
        session_id: str,
        sources: Mapping[str, int],
        *,
        shown: Shown | None,
        at: Moment,
        name: str = "",
        settings: Settings = RATIO,
    ) -> None:
        """A session of sources began: how many questions of each category."""
        self._require(session_id not in self.sessions, f"{session_id} is started twice")
        session = SessionBook(
            session_id=session_id,
            name=name,
            sources=dict(sources),
            percentage=settings["wrongAnswerPercentage"],
            spacing=settings.get("spacing"),
            created=times(at),
            used=times(at),
            updated=times(at),
            fresh=Counter(sources),
        )
        self.sessions[session_id] = session
        self._show(session, shown)

    def review(
        self,
        session_id: str,
        *,
        shown: Shown | None,
        at: Moment,
        category: str | None = None,
        limit: int = MAX_REVIEW,
        name: str = "",
        settings: Settings = RATIO,
    ) -> None:
        """A review session began: it takes up what sessions that are over left.

        Those in `overlooked` (owner and question id) it does not: they were queued while it was put
        together.
        """
        self._require(session_id not in self.sessions, f"{session_id} is started twice")
        left = [
            e
            for e in self.leftovers(at, category)
            if (e.owner, e.question_id) not in self.overlooked
        ]
        taken: dict[str, Entry] = {}
        merged = []
        for entry in left:
            known = taken.get(entry.question_id)
            if known:
                merged.append(entry)
                taken[entry.question_id] = replace(
                    known,
                    tries=max(known.tries, entry.tries),
                    queued=frozenset(min(a, b) for a in known.queued for b in entry.queued),
                )
            elif len(taken) < limit and (
                len({e.category for e in taken.values()} | {entry.category}) <= MAX_CATEGORIES
            ):
                taken[entry.question_id] = replace(entry, owner=session_id, inherited=True, turn=0)
        self._require(bool(taken), "there is nothing to review")
        gone = [e for e in left if e.question_id in taken]
        for former in {e.owner for e in gone} & self.sessions.keys():
            book = self.sessions[former]
            if book.status != "ABANDONED":
                book.status, book.version, book.updated = "ABANDONED", book.version + 1, times(at)
        pool = sorted(taken.values(), key=lambda e: e.place)
        self.entries = [e for e in self.entries if e not in gone] + pool
        session = SessionBook(
            session_id=session_id,
            name=name,
            sources=dict(Counter(e.category for e in pool)),
            percentage=settings["wrongAnswerPercentage"],
            spacing=settings.get("spacing"),
            created=times(at),
            used=times(at),
            updated=times(at),
            fresh=Counter(),
            pool=pool,
            last_queued=pool[-1].queued,
        )
        self.sessions[session_id] = session
        self._show(session, shown)

    def answer(
        self,
        session_id: str,
        *,
        turn: int,
        right: bool,
        at: Moment,
        shown: Shown | None,
        time_spent: int = 0,
        chosen: Iterable[int] | None = None,
    ) -> None:
        """An answer was processed; `shown` is what came next, `time_spent` in milliseconds.

        `chosen` are the indexes of the choices as the bank has them; None where that is unknown.
        """
        session = self.sessions[session_id]
        now = self._usable(session, at)
        self._require(session.status == "ACTIVE", f"{session_id} is not active")
        on_screen = session.shown
        if on_screen is None or turn != session.turns:
            raise IllegalError(f"{session_id} is at turn {session.turns}, not {turn}")
        question, entry = on_screen.question_id, session.entry
        mastered: bool | None = None
        if not right:
            mastered = False
            session.wrong += 1
            session.missed = True
        else:
            session.right += 1
            session.put_right.add(question)
            if session.missed:
                self._queue(session, entry, question, now)
            elif entry and entry.tries > 1:
                lowered = replace(entry, tries=entry.tries - 1, inherited=False, turn=turn)
                self._swap(session, entry, lowered)
            else:
                mastered = True
                session.mastered += 1
                if entry:
                    self._swap(session, entry, None)
        self.attempts.setdefault(question, []).append(
            Attempt(
                session_id,
                right,
                mastered,
                time_spent,
                now,
                None if chosen is None else tuple(sorted(chosen)),
            )
        )
        session.done, session.previous = turn, question
        self._changed(session, now)
        if right:
            session.missed, session.shown = False, None
            self._show(session, shown)
        else:
            again = replace(on_screen, turn=turn + 1, reason="RETRY")
            self._require(shown == again, f"after a wrong answer {again} comes, not {shown}")
            session.turns, session.shown = turn + 1, again

    def change(
        self, session_id: str, *, at: Moment, name: str | None = None, status: str | None = None
    ) -> None:
        """A session was renamed, paused or resumed."""
        session = self.sessions[session_id]
        now = self._usable(session, at)
        if status is not None:
            self._require(session.status in ("ACTIVE", "PAUSED"), f"{session_id} is over")
            session.status = status
        if name is not None:
            session.name = name
        self._changed(session, now)

    def abandon(self, session_id: str, *, at: Moment) -> None:
        """A session was abandoned."""
        session = self.sessions[session_id]
        now = self._usable(session, at)
        self._require(session.status in ("ACTIVE", "PAUSED"), f"{session_id} is over")
        session.status = "ABANDONED"
        self._changed(session, now)

    def forget(self, session_id: str) -> None:
        """A session's item was deleted (time to live): what it owed is left over."""
        del self.sessions[session_id]
        self.forgotten.add(session_id)

    # --- what it must be -------------------------------------------------------------------

    def leftovers(self, now: Moment, category: str | None = None) -> list[Entry]:
        """Return the entries of sessions that are over or gone, oldest first."""
        over = {
            each
            for each, book in self.sessions.items()
            if book.status_at(now) in ("ABANDONED", "EXPIRED")
        } | self.forgotten
        found = (e for e in self.entries if e.owner in over and category in (None, e.category))
        return sorted(found, key=lambda e: e.place)

    def figures(self, session_id: str) -> dict[str, Any]:
        """Return the session's `progress`, as the contract has it."""
        session = self.sessions[session_id]
        entry = session.entry
        owed, tries = len(session.pool), sum(e.tries for e in session.pool)
        fresh = sum(session.fresh.values())
        needed = fresh
        if session.shown:
            if session.missed:
                owed += 0 if entry else 1
                tries += TRIES - (entry.tries if entry else 0)
            # A new question, and a missed one, has to be put right before what it owes.
            needed += 1 if session.missed or entry is None else 0
        needed += tries
        plural, more = ("" if owed == 1 else "s"), ("Try" if tries == 1 else "Tries")
        return {
            "totalQuestions": sum(session.sources.values()),
            "questionsAnswered": len(session.put_right),
            "correctAnswers": session.right,
            "wrongAnswers": session.wrong,
            "mastered": session.mastered,
            "wrongPoolSize": owed,
            "remainingTries": tries,
            "answersLeft": needed,
            "penaltyIndicator": f"(+{owed} Question{plural} @ {tries} {more})" if owed else "",
            "percentComplete": min(round(100 * session.right / (session.right + needed), 2), 99.99)
            if needed
            else 100.0,
        }

    def view(self, session_id: str, now: Moment) -> dict[str, Any]:
        """Return the session's body, as the contract has it.

        Times are left out where more than one is possible.
        """
        session = self.sessions[session_id]
        body = {
            "sessionId": session_id,
            "name": session.name,
            "status": session.status_at(now),
            "version": session.version,
            "sources": [
                {"category": category, "questionCount": count}
                for category, count in session.sources.items()
            ],
            "settings": {
                "policy": "SPACED" if session.spacing else "RATIO",
                "wrongAnswerPercentage": session.percentage,
                **({"spacing": session.spacing} if session.spacing else {}),
            },
            "progress": self.figures(session_id),
        }
        expires = frozenset(use + LIFETIME for use in session.used)
        for name, moments in (
            ("createdAt", session.created),
            ("updatedAt", session.updated),
            ("expiresAt", expires),
        ):
            if len(moments) == 1:
                body[name] = iso(*moments)
        return body

    # --- how -------------------------------------------------------------------------------

    def _queue(self, session: SessionBook, entry: Entry | None, question: str, now: Times) -> None:
        if entry:
            self._swap(session, entry, None)
        queued = frozenset(max(at, last + 1) for at in now for last in session.last_queued)
        new = Entry(question, queued, TRIES, session.session_id, turn=session.turns)
        session.pool.append(new)
        session.last_queued = queued
        self.entries.append(new)

    def _swap(self, session: SessionBook, old: Entry, new: Entry | None) -> None:
        for entries in (session.pool, self.entries):
            at = entries.index(old)
            entries[at : at + 1] = [new] if new else []

    def _usable(self, session: SessionBook, at: Moment) -> Times:
        """Return those of the moments at which the session is not expired."""
        now = times(at)
        if session.status in ("ACTIVE", "PAUSED"):
            now = frozenset(m for m in now if m < max(session.used) + LIFETIME)
        self._require(bool(now), f"{session.session_id} is expired")
        return now

    @staticmethod
    def _changed(session: SessionBook, at: Times) -> None:
        session.version += 1
        session.updated = session.used = at

    def _show(self, session: SessionBook, shown: Shown | None) -> None:
        """Rule 5: the next question, or the end of the session."""
        others = [e for e in session.pool if e.question_id != session.previous]
        fresh = sum(session.fresh.values())
        if shown is None:
            self._require(not session.pool and not fresh, "it is complete, and owes something")
            session.status = "COMPLETED"
            return
        question = shown.question_id
        self._require(shown.turn == session.turns + 1, f"turn {session.turns + 1}, not {shown}")
        if shown.from_pool:
            self._require(bool(others) or not fresh, f"{shown}: the same again, others are fresh")
            drawable = self._first_of_pool(session, others or session.pool, fresh, shown)
            found = [e for e in drawable if e.question_id == question]
            self._require(bool(found), f"{shown} is not the oldest of {drawable}")
            session.presented += found[0].inherited and question not in session.drawn
        else:
            self._require(shown.reason == "NEW", f"{shown}: the question is new")
            self._require(self._may_be_fresh(session, others), f"{shown} instead of the pool")
            category = category_of(question)
            self._require(session.fresh[category] > 0, f"{category} has nothing fresh left")
            self._require(question not in session.drawn, f"{question} is drawn twice")
            session.fresh[category] -= 1
            session.presented += 1
        session.drawn.add(question)
        self._require(shown.number == session.presented, f"{shown}: number {session.presented}")
        session.turns, session.shown = shown.turn, shown

    def _first_of_pool(
        self, session: SessionBook, candidates: list[Entry], fresh: int, shown: Shown
    ) -> list[Entry]:
        """Return the entries that may be drawn now, and check the reason that is shown."""
        if session.spacing is None:
            self._require(not fresh or session.percentage > 0, f"{shown}: the pool is not drawn")
            drawable, is_due = oldest(candidates), bool(fresh)
        else:
            first = min(due(session.spacing, each) for each in candidates)
            drawable = oldest([e for e in candidates if due(session.spacing, e) == first])
            is_due = first <= shown.turn
            full = at_limit(session)
            self._require(is_due or full or not fresh, f"{shown}: {drawable} is not due")
        rest = "LIMIT" if fresh else "REST"
        inherited = any(e.inherited for e in drawable if e.question_id == shown.question_id)
        reason = "REVIEW" if inherited else "DUE" if is_due else rest
        self._require(shown.reason == reason, f"{shown}: the reason is {reason}")
        return drawable

    @staticmethod
    def _may_be_fresh(session: SessionBook, others: list[Entry]) -> bool:
        if session.spacing is None:
            return not others or session.percentage < 100
        if at_limit(session):
            return False
        is_due = any(due(session.spacing, each) <= session.turns + 1 for each in others)
        return not is_due or session.spacing["share"] != 100

    @staticmethod
    def _require(holds: bool, otherwise: str) -> None:
        if not holds:
            raise IllegalError(otherwise)


def iso(moment: int) -> str:
    at = datetime.fromtimestamp(moment // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}Z"
