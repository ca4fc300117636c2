"""Comparison of the reference model with the rows of a learner's tables.

Rows are items in DynamoDB's own JSON, of one learner (idempotency markers may be among them).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support.reference_model import Model
from tests.support.reference_session import HEAD, LIFETIME, Attempt, SessionBook

Item = Mapping[str, Any]


def differences(
    model: Model,
    sessions: Iterable[Item],
    progress: Iterable[Item],
    wrong_answers: Iterable[Item],
) -> list[str]:
    """Return each difference of the learner's rows from the model, a line each."""
    return [
        *_session_differences(model, sessions),
        *_progress_differences(model, progress),
        *_pool_differences(model, wrong_answers),
    ]


def _session_differences(model: Model, items: Iterable[Item]) -> list[str]:
    found = {i["sessionId"]["S"]: i for i in items if "startedSession" not in i}
    faults = [f"session {each} is not known" for each in found.keys() - model.sessions.keys()]
    for session_id, session in model.sessions.items():
        item = found.get(session_id)
        if item is None:
            faults.append(f"session {session_id} is missing")
            continue
        expected, stored = _expected_item(session), _stored_item(item)
        faults += [
            f"session {session_id}: {name} is {stored[name]}, not {value}"
            for name, value in expected.items()
            if stored[name] != value
        ]
        for name, moments in (
            ("createdAt", session.created),
            ("updatedAt", session.updated),
            ("expiresAt", frozenset(use + LIFETIME for use in session.used)),
            ("queuedAt", session.last_queued),
        ):
            if int(item[name]["N"]) not in moments:
                at = item[name]["N"]
                faults.append(f"session {session_id}: {name} is {at}, not {sorted(moments)}")
    return faults


def _progress_differences(model: Model, items: Iterable[Item]) -> list[str]:
    found = {item["questionId"]["S"]: item for item in items}
    unknown = found.keys() - model.attempts.keys()
    faults = [f"progress of {each} without an answer" for each in unknown]
    for question, attempts in model.attempts.items():
        if question not in found:
            faults.append(f"progress of {question} is missing")
            continue
        stored = {
            name: int(found[question].get(name, {"N": "0"})["N"])
            for name in ("attempts", "correct", "wrong", "timeSpent")
        }
        expected = {
            "attempts": len(attempts),
            "correct": sum(a.right for a in attempts),
            "wrong": sum(not a.right for a in attempts),
            "timeSpent": sum(a.time_spent for a in attempts),
        }
        if stored != expected:
            faults.append(f"progress of {question} is {stored}, not {expected}")
        faults += _ends_differ(question, attempts, found[question])
    return faults


def _pool_differences(model: Model, items: Iterable[Item]) -> list[str]:
    faults, missing = [], list(model.entries)
    for item in items:
        stamp, _, name = item["timestamp"]["S"].partition("#")
        question, owner = item["questionId"]["S"], item["sessionId"]["S"]
        tries, inherited = int(item["remainingTries"]["N"]), "leftover" in item
        turn = int(item["atTurn"]["N"]) if "atTurn" in item else 0
        if name != question:
            faults.append(f"wrong answer {stamp} of {question} is under {name}")
        match = [
            e
            for e in missing
            if (e.question_id, e.owner, e.tries, e.inherited, e.turn)
            == (question, owner, tries, inherited, turn)
            and milliseconds(stamp) in e.queued
        ]
        if match:
            missing.remove(match[0])
        else:
            said = f"{question} of {owner}, {tries} tries, inherited {inherited}, turn {turn}"
            faults.append(f"wrong answer {milliseconds(stamp)} is not expected: {said}")
    return faults + [f"wrong answer is missing: {each}" for each in missing]


def milliseconds(stamp: str) -> int:
    at = datetime.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(at.timestamp()) * 1000 + int(stamp[20:23])


def _expected_item(session: SessionBook) -> dict[str, Any]:
    return {
        "status": session.status,
        "version": session.version,
        "name": session.name,
        "entries": len(session.pool),
        "tries": sum(e.tries for e in session.pool),
        "turns": session.turns,
        "presented": session.presented,
        "answered": len(session.put_right),
        "correct": session.right,
        "wrong": session.wrong,
        "mastered": session.mastered,
        "left": dict(session.fresh),
        "shown": (
            (session.shown.question_id, session.shown.from_pool, session.missed)
            if session.shown
            else None
        ),
        "done": session.done,
        # Beyond a head's length what it holds depends on when it was filled.
        "head": sorted((e.question_id, e.tries, e.inherited) for e in session.pool)
        if len(session.pool) <= HEAD
        else None,
    }


def _stored_item(item: Item) -> dict[str, Any]:
    sources = [each["M"] for each in item["sources"]["L"]]
    entries = int(item["entries"]["N"])
    head = _head(item["pool"]["B"], [each["category"]["S"] for each in sources])
    turn = item["turn"]["M"] if "turn" in item else None
    return {
        "status": item["status"]["S"],
        "name": item["name"]["S"],
        **{
            name: int(item[name]["N"])
            for name in (
                "version",
                "entries",
                "tries",
                "turns",
                "presented",
                "answered",
                "correct",
                "wrong",
                "mastered",
            )
        },
        "left": {s["category"]["S"]: int(s["left"]["N"]) for s in sources if int(s["size"]["N"])},
        "shown": (turn["id"]["S"], turn["pool"]["BOOL"], turn["missed"]["BOOL"]) if turn else None,
        "done": int(item["done"]["M"]["turn"]["N"]) if "done" in item else 0,
        "head": sorted(head) if entries <= HEAD and len(head) == entries else None,
    }


def _head(packed: bytes, categories: list[str]) -> list[tuple[str, int, bool]]:
    """Unpack 13 bytes an entry: inherited bit, tries and source, ordinal, time, turn."""
    entries = []
    for at in range(0, len(packed), 13):
        bits, ordinal = packed[at], int.from_bytes(packed[at + 1 : at + 4])
        entries.append((f"{categories[bits & 15]}:{ordinal:06d}", bits >> 4 & 7, bits >= 0x80))
    return entries


def _ends_differ(question: str, attempts: list[Attempt], item: Item) -> list[str]:
    """Compare what depends on the order of attempts: first, last, mastery.

    Attempts of one session have an order. Nothing orders those of different sessions, so any
    session's first may be the first, and any session's last the last.
    """
    by_session: dict[str, list[Attempt]] = {}
    for each in attempts:
        by_session.setdefault(each.session_id, []).append(each)
    firsts = {at for each in by_session.values() for at in each[0].at}
    lasts = [each[-1] for each in by_session.values()]
    at = int(item["lastSeenAt"]["N"])
    choice = tuple(map(int, item["lastChoice"]["S"]))
    last = [a for a in lasts if at in a.at and a.chosen in (None, choice)]
    faults = []
    if int(item["firstSeenAt"]["N"]) not in firsts:
        faults.append(f"{question} was first seen at {item['firstSeenAt']['N']}, not {firsts}")
    if not last:
        faults.append(f"{question} was last seen at {at} with {choice}, not as any of {lasts}")
    setting = [
        next((a.mastered for a in reversed(each) if a.mastered is not None), None)
        for each in by_session.values()
    ]
    decided = {a.mastered for a in last}
    possible = {m for m in setting if m is not None} if None in decided or not last else decided
    mastered = item["mastered"]["BOOL"] if "mastered" in item else False
    if mastered not in (possible or {False}):
        faults.append(f"{question}: mastered is {mastered}, not {possible}")
    return faults
