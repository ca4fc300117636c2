"""Start, list, read, change and abandon sessions."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

from domain.engine import new_session
from domain.randomness import SEED_BYTES
from domain.session import LIFETIME, Session, Source, Status
from lambdas.session.models import StartSession, UpdateSession
from lambdas.shared.environment import Environment
from lambdas.shared.errors import (
    FieldFault,
    NotFoundError,
    SessionExpiredError,
    SessionOverError,
    ValidationError,
    VersionConflictError,
)
from lambdas.shared.playing import draw_next, load
from lambdas.shared.store.client import ConditionFailedError
from lambdas.shared.store.questions import CategoryEntry, registry_from_item
from lambdas.shared.store.transaction import TransactionConditionError
from lambdas.shared.store.users import profile_from_item

_RANDOM_ID_BYTES = 8


def start_session(
    environment: Environment, user_id: str, wanted: StartSession, idempotency_key: str | None
) -> tuple[Session, bool]:
    """Return a new session with its first question drawn, or the one a repeated key led to.

    The second value tells whether it is new.

    Raises:
        ValidationError: a category is unknown or has fewer questions than asked for.
    """
    registry, percentage = _bank_and_preference(environment, user_id, wanted)
    now = environment.clock()
    session = new_session(
        user_id=user_id,
        session_id=f"{now:011x}{environment.entropy(_RANDOM_ID_BYTES).hex()}",
        name=wanted.name,
        seed=environment.entropy(SEED_BYTES),
        sources=_sources(wanted, registry),
        wrong_answer_percentage=percentage,
        now=now,
    )
    session = draw_next(environment, session).session
    if idempotency_key is None:
        environment.sessions.save(session, expected_version=None)
        return session, True
    # Made from the key, not equal to it: a client's key may be of any length and alphabet.
    marker_id = blake2b(idempotency_key.encode(), digest_size=16).hexdigest()
    marker = environment.sessions.put_marker(session, marker_id)
    try:
        environment.transactions.write(
            [{"Put": marker}, {"Put": environment.sessions.put(session, expected_version=None)}]
        )
    except TransactionConditionError as error:
        if error.item is None:
            raise
        return load(environment, user_id, environment.sessions.marked_session(error.item)), False
    return session, True


def list_sessions(
    environment: Environment, user_id: str, *, status: Status | None, limit: int, before: str | None
) -> tuple[list[Session], str | None]:
    """Return a page of the learner's sessions, newest first, and where the next one begins."""
    return environment.sessions.page(
        user_id, limit=limit, before=before, status=status, now=environment.clock()
    )


def get_session(environment: Environment, user_id: str, session_id: str) -> Session:
    """Return a session of the learner's.

    Raises:
        NotFoundError: there is none.
        SessionExpiredError: it was not used for too long.
    """
    session = load(environment, user_id, session_id)
    if session.status_at(environment.clock()) is Status.EXPIRED:
        raise SessionExpiredError
    return session


def update_session(
    environment: Environment, user_id: str, session_id: str, wanted: UpdateSession
) -> Session:
    """Rename, pause or resume a session.

    Raises:
        NotFoundError, SessionExpiredError: as for reading it.
        VersionConflictError: it changed since the client saw it.
        SessionOverError: a finished session is to be paused or resumed.
    """
    session = get_session(environment, user_id, session_id)
    if session.version != wanted.version:
        raise _stale(session.version)
    if wanted.status and session.status in (Status.COMPLETED, Status.ABANDONED):
        raise SessionOverError(f"The session is {session.status.lower()}.")
    status = Status(wanted.status) if wanted.status else session.status
    name = session.name if wanted.name is None else wanted.name
    return _changed(environment, session, name=name, status=status)


def abandon_session(environment: Environment, user_id: str, session_id: str) -> None:
    """Abandon a session; doing it again changes nothing.

    Raises:
        NotFoundError, SessionExpiredError: as for reading it.
        SessionOverError: it is completed.
        VersionConflictError: it is being played at this moment.
    """
    session = get_session(environment, user_id, session_id)
    if session.status is Status.COMPLETED:
        raise SessionOverError("The session is completed.")
    if session.status is not Status.ABANDONED:
        _changed(environment, session, name=session.name, status=Status.ABANDONED)


def _changed(environment: Environment, session: Session, *, name: str, status: Status) -> Session:
    now = environment.clock()
    changed = replace(
        session,
        name=name,
        status=status,
        version=session.version + 1,
        updated_at=now,
        expires_at=now + LIFETIME,
    )
    try:
        environment.sessions.save(changed, expected_version=session.version)
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
    environment: Environment, user_id: str, wanted: StartSession
) -> tuple[dict[str, CategoryEntry], int]:
    """Read the registry, and in the same call the learner's preference where it is needed."""
    said = wanted.settings.wrong_answer_percentage
    if said is not None:
        return environment.questions.registry(), said
    users = environment.users
    found = environment.database.call(
        "batch_get_item",
        RequestItems={
            **environment.questions.registry_request(),
            users.name: {"Keys": [users.key(user_id)]},
        },
    )["Responses"]
    registry = next(iter(found.get(environment.questions.name, [])), None)
    profile = next(iter(found.get(users.name, [])), None)
    return (
        registry_from_item(registry),
        profile_from_item(user_id, profile).wrong_answer_percentage,
    )


def _sources(wanted: StartSession, registry: Mapping[str, CategoryEntry]) -> list[Source]:
    sources, faults = [], []
    for index, choice in enumerate(wanted.sources):
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
