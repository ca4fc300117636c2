"""Start, list, read, change and abandon sessions."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from domain.session.engine import new_review_session, new_session, with_spacing
from domain.session.policy import Policy, Preferences, Settings
from domain.session.randomness import SEED_BYTES
from domain.session.state import LIFETIME, Session, Source, Status
from lambdas.contract.bodies.session import (
    SourceChoice,
    StartSession,
    UpdateSession,
    sound_sources,
)
from lambdas.contract.errors import (
    FieldCode,
    FieldFault,
    IdempotencyKeyReusedError,
    NotFoundError,
    SessionExpiredError,
    SessionLimitError,
    SessionOverError,
    UnavailableError,
    ValidationError,
    VersionConflictError,
)
from lambdas.contract.time_zones import code_of
from lambdas.session.limits import count_start
from lambdas.shared.playing import draw_next, is_measured, load, note_draw
from lambdas.shared.services import Services
from lambdas.shared.store.categories import Category
from lambdas.shared.store.errors import (
    AccountErasedError,
    KeyUsedError,
    SessionChangedError,
    StartRefusedError,
    TransactionConditionError,
)
from lambdas.shared.store.start import read_start
from lambdas.shared.store.start_records import StartCounts, StartedByKey
from lambdas.shared.store.transaction import Action
from lambdas.shared.store.users import UTC
from lambdas.shared.telemetry.metrics import CONFLICTS, SESSIONS_STARTED
from lambdas.shared.telemetry.request_log import count, note

_RANDOM_ID_BYTES = 8

ATTEMPTS = 4
"""Attempts at a start while other requests of the learner change what it depends on."""


def start_session(
    services: Services, user_id: str, wanted: StartSession, idempotency_key: str | None
) -> tuple[Session, bool]:
    """Return a session with its first question drawn, and whether it is new.

    It is not new if the same key and body started it before.

    Raises:
        ValidationError: a category is unknown or has fewer questions than asked for, or there is
            nothing to review.
        SessionLimitError: the learner has as many sessions as allowed.
        IdempotencyKeyReusedError: the key was used with another body.
        AccountErasedError: the learner's account was erased.
    """
    key = _Key.of(idempotency_key, wanted) if idempotency_key else None
    counts: StartCounts | None = None
    for attempt in range(ATTEMPTS):
        try:
            prepared = _prepared(services, user_id, wanted, certain=attempt > 0)
            counted = count_start(
                services, user_id, counts or prepared.counts, prepared.session.created_at
            )
        except (ValidationError, SessionLimitError):
            # The first request with the key may have used up what it found.
            started = services.sessions.marked(user_id, key.name) if key else None
            if key is None or started is None:
                raise
            return load(services, user_id, key.session(started)), False
        session = prepared.session
        marker = [services.sessions.put_marker(session, *key)] if key else []
        put = services.sessions.put(session, expected_version=None)
        try:
            services.transactions.write([put, *marker, *prepared.actions, counted])
        except TransactionConditionError as refused:
            before = _started_before(refused, session, key)
            if before == session.session_id:
                return _started(session), True
            if before:
                return load(services, user_id, before), False
            outdated = refused.find(StartRefusedError)
            counts = outdated.counts if outdated else None
            count(CONFLICTS)
        else:
            return _started(session), True
    raise UnavailableError("Other requests of this learner start or review sessions right now.")


class _Key(NamedTuple):
    """An Idempotency-Key as it is stored, and a digest of the body it was sent with."""

    name: str
    body: bytes

    @classmethod
    def of(cls, key: str, wanted: StartSession) -> "_Key":
        # Hashed, because a client's key may be of any length and alphabet.
        name = blake2b(key.encode(), digest_size=16).hexdigest()
        return cls(name, blake2b(wanted.model_dump_json().encode(), digest_size=16).digest())

    def session(self, started: StartedByKey) -> str:
        """Return the id of the session started before.

        Raises:
            IdempotencyKeyReusedError: it was started with another body.
        """
        if started.body != self.body:
            raise IdempotencyKeyReusedError
        return started.session_id


def _started_before(
    refused: TransactionConditionError, session: Session, key: _Key | None
) -> str | None:
    """Return the id of the session that was started before: by the same key, or by this request.

    None if another attempt can succeed: entries to review or the session counts changed.

    Raises:
        AccountErasedError: the learner's account was erased.
        IdempotencyKeyReusedError: the key was used with another body.
    """
    if erased := refused.find(AccountErasedError):
        raise erased from None
    changed = refused.find(SessionChangedError)
    if changed and changed.current == session:
        # A retry after a conflict with the first attempt of this transaction, which succeeded.
        return session.session_id
    used = refused.find(KeyUsedError)
    return key.session(used.started) if key and used else None


def _started(session: Session) -> Session:
    if is_measured(session):
        note(SESSIONS_STARTED)
    note_draw(session)
    return session


class _Prepared(NamedTuple):
    """A new session with its first question, and the writes of its transaction beside it."""

    session: Session
    actions: Sequence[Action]
    counts: StartCounts


def _prepared(
    services: Services, user_id: str, wanted: StartSession, *, certain: bool
) -> _Prepared:
    chosen = [source.category for source in wanted.sources or ()]
    categories, profile = read_start(services.categories, services.users, user_id, chosen)
    first = categories.get(chosen[0]) if chosen else None
    # The request's settings, else the first source's defaults, else the learner's.
    presets = (first.defaults if first else Preferences()).or_else(profile.preferences)
    settings = wanted.settings.preferences.or_else(presets).settings
    now = services.clock()
    session_id = f"{now:011x}{services.entropy(_RANDOM_ID_BYTES).hex()}"
    seed = services.entropy(SEED_BYTES)
    if wanted.review is None:
        session = new_session(
            user_id=user_id,
            session_id=session_id,
            name=wanted.name,
            seed=seed,
            sources=_sources(wanted.sources or (), categories),
            wrong_answer_percentage=settings.wrong_answer_percentage,
            now=now,
        )
        session = _as_preferred(session, settings, profile.time_zone)
        session = draw_next(services, session).session
        return _Prepared(session, [], profile.counts)
    # Sessions of sources, the frequent ones, start without it.
    from lambdas.session.review import find_leftovers, take_up  # noqa: PLC0415

    leftovers = find_leftovers(
        services,
        user_id,
        category=wanted.review.category,
        limit=wanted.review.question_count,
        now=now,
        certain=certain,
    )
    if not leftovers.taken:
        raise ValidationError(
            [FieldFault("review", FieldCode.NOTHING_TO_REVIEW, "No question is left to review.")]
        )
    session = new_review_session(
        user_id=user_id,
        session_id=session_id,
        name=wanted.name,
        seed=seed,
        entries=leftovers.entries,
        wrong_answer_percentage=settings.wrong_answer_percentage,
        now=now,
    )
    session = _as_preferred(session, settings, profile.time_zone)
    taken_up = take_up(services, session, leftovers, now)
    return _Prepared(*taken_up, profile.counts)


def _as_preferred(session: Session, settings: Settings, time_zone: str) -> Session:
    """Return a new session with its policy and the learner's time zone."""
    zone = None if time_zone == UTC else code_of(time_zone)
    spacing = settings.spacing if settings.policy is Policy.SPACED else None
    return with_spacing(session, spacing)._replace(time_zone=zone)


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
    except SessionChangedError as error:
        if error.current is None:
            raise NotFoundError from None
        raise _stale(error.current.version) from None
    return changed


def _stale(version: int) -> VersionConflictError:
    return VersionConflictError(
        f"The session is at version {version} now.", members={"currentVersion": version}
    )


def source_faults(services: Services, body: object) -> list[FieldFault]:
    """Return the faults that the bank finds in the well-formed sources of a refused body."""
    sound = sound_sources(body)
    if not sound:
        return []
    categories = services.categories.many(choice.category for choice in sound.values())
    return list(_faults(sound, categories))


def _sources(wanted: Sequence[SourceChoice], categories: Mapping[str, Category]) -> list[Source]:
    faults = list(_faults(dict(enumerate(wanted)), categories))
    if faults:
        raise ValidationError(faults)
    sources = []
    for choice in wanted:
        entry = categories[choice.category]
        count = choice.question_count or entry.active
        sources.append(
            Source(category=choice.category, question_count=count, size=entry.size, left=count)
        )
    return sources


def _faults(
    wanted: Mapping[int, SourceChoice], categories: Mapping[str, Category]
) -> Iterator[FieldFault]:
    for index, choice in wanted.items():
        entry = categories.get(choice.category)
        if entry is None or not entry.active:
            field = f"sources.{index}.category"
            yield FieldFault(field, FieldCode.UNKNOWN_CATEGORY, "The bank has no such category.")
        elif (choice.question_count or 0) > entry.active:
            field = f"sources.{index}.questionCount"
            message = f"The category {choice.category} has {entry.active} questions."
            yield FieldFault(field, FieldCode.TOO_LARGE, message)
