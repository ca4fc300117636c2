"""Start, list, read, change and abandon sessions."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from domain.session.engine import new_review_session, new_session
from domain.session.randomness import SEED_BYTES
from domain.session.state import LIFETIME, Session, Source, Status
from lambdas.contract.bodies.session import SourceChoice, StartSession, UpdateSession
from lambdas.contract.errors import (
    AccountErasedError,
    FieldFault,
    NotFoundError,
    SessionExpiredError,
    SessionOverError,
    UnavailableError,
    ValidationError,
    VersionConflictError,
)
from lambdas.session.review import find_leftovers, take_up
from lambdas.shared.playing import draw_next, load, note_draw
from lambdas.shared.services import Services
from lambdas.shared.store.batch import batch_get_together
from lambdas.shared.store.client import ConditionFailedError
from lambdas.shared.store.questions import CategoryEntry, registry_from_item
from lambdas.shared.store.transaction import TransactionConditionError
from lambdas.shared.store.users import profile_from_item
from lambdas.shared.telemetry.metrics import CONFLICTS, SESSIONS_STARTED
from lambdas.shared.telemetry.request_log import count, note

_RANDOM_ID_BYTES = 8

ATTEMPTS = 3
"""Times a review is put together anew because what it takes up changed meanwhile."""


def start_session(
    services: Services, user_id: str, wanted: StartSession, idempotency_key: str | None
) -> tuple[Session, bool]:
    """Return a new session with its first question drawn, or the one a repeated key led to.

    The second value tells whether it is new.

    Raises:
        ValidationError: a category is unknown or has fewer questions than asked for, or there is
            nothing to review.
        AccountErasedError: the learner's account was erased.
    """
    # Made from the key, not equal to it: a client's key may be of any length and alphabet.
    key = idempotency_key and blake2b(idempotency_key.encode(), digest_size=16).hexdigest()
    for _ in range(ATTEMPTS):
        try:
            session, actions = _prepared(services, user_id, wanted)
        except ValidationError:
            # What the first request found to play may be gone since.
            started = services.sessions.marked(user_id, key) if key else None
            if started is None:
                raise
            return load(services, user_id, started), False
        put = services.sessions.put(session, expected_version=None)
        marker = [{"Put": services.sessions.put_marker(session, key)}] if key else []
        writes = [*marker, {"Put": put}, *actions]
        try:
            services.transactions.write([*writes, services.users.check_not_erased(user_id)])
        except TransactionConditionError as error:
            if len(writes) in error.failed:
                raise AccountErasedError from None
            if error.item == put["Item"]:
                # Tried again after a conflict with our own first attempt, which was done.
                return _started(session), True
            if key and error.item and 0 in error.failed:
                first = services.sessions.marked_session(error.item)
                return load(services, user_id, first), False
            count(CONFLICTS)
        else:
            return _started(session), True
    raise UnavailableError("What is left to review is being changed by other requests.")


def _started(session: Session) -> Session:
    note(SESSIONS_STARTED)
    note_draw(session)
    return session


def _prepared(
    services: Services, user_id: str, wanted: StartSession
) -> tuple[Session, list[Mapping[str, Any]]]:
    """Return a new session with its first question, and what to write in its transaction."""
    registry, percentage = _bank_and_preference(services, user_id, wanted)
    now = services.clock()
    session_id = f"{now:011x}{services.entropy(_RANDOM_ID_BYTES).hex()}"
    seed = services.entropy(SEED_BYTES)
    if wanted.review is None:
        session = new_session(
            user_id=user_id,
            session_id=session_id,
            name=wanted.name,
            seed=seed,
            sources=_sources(wanted.sources or (), registry),
            wrong_answer_percentage=percentage,
            now=now,
        )
        return draw_next(services, session).session, []
    leftovers = find_leftovers(
        services,
        user_id,
        category=wanted.review.category,
        limit=wanted.review.question_count,
        now=now,
    )
    if not leftovers.taken:
        raise ValidationError([FieldFault("review", "there is nothing left to review")])
    session = new_review_session(
        user_id=user_id,
        session_id=session_id,
        name=wanted.name,
        seed=seed,
        entries=leftovers.entries,
        wrong_answer_percentage=percentage,
        now=now,
    )
    return take_up(services, session, leftovers, now)


def list_sessions(
    services: Services, user_id: str, *, status: Status | None, limit: int, before: str | None
) -> tuple[list[Session], str | None]:
    """Return a page of the learner's sessions, newest first, and where the next one begins."""
    return services.sessions.page(
        user_id, limit=limit, before=before, status=status, now=services.clock()
    )


def get_session(services: Services, user_id: str, session_id: str) -> Session:
    """Return a session of the learner's.

    Raises:
        NotFoundError: there is none.
        SessionExpiredError: it was not used for too long.
    """
    session = load(services, user_id, session_id)
    if session.status_at(services.clock()) is Status.EXPIRED:
        raise SessionExpiredError
    return session


def update_session(
    services: Services, user_id: str, session_id: str, wanted: UpdateSession
) -> Session:
    """Rename, pause or resume a session.

    Raises:
        NotFoundError, SessionExpiredError: as for reading it.
        VersionConflictError: it changed since the client saw it.
        SessionOverError: a finished session is to be paused or resumed.
    """
    session = get_session(services, user_id, session_id)
    if session.version != wanted.version:
        raise _stale(session.version)
    if wanted.status and session.status in (Status.COMPLETED, Status.ABANDONED):
        raise SessionOverError(f"The session is {session.status.lower()}.")
    status = Status(wanted.status) if wanted.status else session.status
    name = session.name if wanted.name is None else wanted.name
    return _changed(services, session, name=name, status=status)


def abandon_session(services: Services, user_id: str, session_id: str) -> None:
    """Abandon a session; doing it again changes nothing.

    Raises:
        NotFoundError, SessionExpiredError: as for reading it.
        SessionOverError: it is completed.
        VersionConflictError: it is being played at this moment.
    """
    session = get_session(services, user_id, session_id)
    if session.status is Status.COMPLETED:
        raise SessionOverError("The session is completed.")
    if session.status is not Status.ABANDONED:
        _changed(services, session, name=session.name, status=Status.ABANDONED)


def _changed(services: Services, session: Session, *, name: str, status: Status) -> Session:
    now = services.clock()
    changed = session._replace(
        name=name,
        status=status,
        version=session.version + 1,
        updated_at=now,
        expires_at=now + LIFETIME,
    )
    try:
        services.sessions.save(changed, expected_version=session.version)
    except ConditionFailedError as error:
        if error.item is None:
            raise NotFoundError from None
        raise _stale(int(error.item["version"]["N"])) from None
    return changed


def _stale(version: int) -> VersionConflictError:
    return VersionConflictError(
        f"The session is at version {version} now.", members={"currentVersion": version}
    )


def _bank_and_preference(
    services: Services, user_id: str, wanted: StartSession
) -> tuple[dict[str, CategoryEntry], int]:
    """Read the registry, and in the same call the learner's preference where it is needed."""
    said = wanted.settings.wrong_answer_percentage
    if said is not None:
        return services.questions.registry(), said
    users = services.users
    found = batch_get_together(
        services.database,
        {
            **services.questions.registry_request(),
            users.name: {"Keys": [users.key(user_id)]},
        },
    )
    registry = next(iter(found[services.questions.name]), None)
    profile = next(iter(found[users.name]), None)
    return (
        registry_from_item(registry),
        profile_from_item(user_id, profile).wrong_answer_percentage,
    )


def _sources(wanted: Iterable[SourceChoice], registry: Mapping[str, CategoryEntry]) -> list[Source]:
    sources, faults = [], []
    for index, choice in enumerate(wanted):
        entry = registry.get(choice.category)
        if entry is None or not entry.active:
            faults.append(FieldFault(f"sources.{index}.category", "there is no such category"))
            continue
        count = choice.question_count or entry.active
        if count > entry.active:
            message = f"{choice.category} has {entry.active} questions"
            faults.append(FieldFault(f"sources.{index}.questionCount", message))
        sources.append(
            Source(category=choice.category, question_count=count, size=entry.size, left=count)
        )
    if faults:
        raise ValidationError(faults)
    return sources
