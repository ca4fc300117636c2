"""Errors of the HTTP contract. One class per code; one place renders them."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from lambdas.contract.headers import CHALLENGE

MAX_FAULTS = 100
"""Faults named in one response, more than a body of declared fields can have: without a bound, a
list of 100,000 wrong items would make a response larger than the 6 MB a function may return."""


class FieldCode(StrEnum):
    """Reason why a field is refused: `errors[].code` of a response. The list is closed.

    Attributes:
        REQUIRED: The field is missing.
        UNKNOWN_FIELD: The contract has no such field.
        INVALID_TYPE: The value has another JSON type.
        INVALID_VALUE: The value is not one of those allowed.
        INVALID_FORMAT: The text does not have the required form.
        INVALID_CHARACTERS: The text contains characters that are not allowed, or nothing visible.
        TOO_SHORT: The text or list is too short.
        TOO_LONG: The text or list is too long.
        TOO_SMALL: The number is too small.
        TOO_LARGE: The number is too large.
        DUPLICATE: Something is given twice.
        CONFLICT: The field contradicts another one.
        IMMUTABLE: The field cannot change.
        BELONGS_TO_ANOTHER: Another question has this content or external id.
        WRONG_CORRECT_ANSWERS: The number of correct answers does not suit the type of question.
        UNKNOWN_CATEGORY: The bank has no such category.
        UNKNOWN_CHOICE: The question has no such choice.
        TOO_MANY_CHOICES: The question takes one choice.
        NOTHING_TO_REVIEW: No question is left to review.
        INVALID_TOKEN: The page token is malformed, or of another query.
    """

    REQUIRED = "REQUIRED"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    INVALID_TYPE = "INVALID_TYPE"
    INVALID_VALUE = "INVALID_VALUE"
    INVALID_FORMAT = "INVALID_FORMAT"
    INVALID_CHARACTERS = "INVALID_CHARACTERS"
    TOO_SHORT = "TOO_SHORT"
    TOO_LONG = "TOO_LONG"
    TOO_SMALL = "TOO_SMALL"
    TOO_LARGE = "TOO_LARGE"
    DUPLICATE = "DUPLICATE"
    CONFLICT = "CONFLICT"
    IMMUTABLE = "IMMUTABLE"
    BELONGS_TO_ANOTHER = "BELONGS_TO_ANOTHER"
    WRONG_CORRECT_ANSWERS = "WRONG_CORRECT_ANSWERS"
    UNKNOWN_CATEGORY = "UNKNOWN_CATEGORY"
    UNKNOWN_CHOICE = "UNKNOWN_CHOICE"
    TOO_MANY_CHOICES = "TOO_MANY_CHOICES"
    NOTHING_TO_REVIEW = "NOTHING_TO_REVIEW"
    INVALID_TOKEN = "INVALID_TOKEN"  # noqa: S105 - a code, not a secret  # nosec B105


class FieldFault(NamedTuple):
    """A field that is refused.

    Attributes:
        field: Path of the field, such as `sources.0.category`; `body` for the body as a whole.
        code: The reason, for programs.
        message: The reason, for people.
    """

    field: str
    code: FieldCode
    message: str


class ApiError(Exception):
    """Base of every error with a status of its own."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        faults: Iterable[FieldFault] = (),
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Take a sentence for the client, and what else the response carries."""
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.members = dict(members or {})
        self.headers = dict(headers or {})


class MalformedBodyError(ApiError):
    """The body is not JSON."""

    status, code, title = 400, "MALFORMED_BODY", "Bad Request"


class UnauthorizedError(ApiError):
    """The request identifies no caller."""

    status, code, title = 401, "UNAUTHORIZED", "Unauthorized"

    def __init__(self, detail: str) -> None:
        """Take a sentence for the client; the response names how to authenticate."""
        super().__init__(detail, headers=CHALLENGE)


class AccountErasedError(UnauthorizedError):
    """The caller's account was erased, though the token is still valid."""

    def __init__(self) -> None:
        """Say what happened."""
        super().__init__("The account was erased.")


class ForbiddenError(ApiError):
    """The caller may not use this route."""

    status, code, title = 403, "FORBIDDEN", "Forbidden"


class MfaRequiredError(ApiError):
    """The caller is an administrator who did not sign in with a second factor."""

    status, code, title = 403, "MFA_REQUIRED", "Forbidden"


class NotFoundError(ApiError):
    """There is no such thing, or it is somebody else's: the two look the same."""

    status, code, title = 404, "NOT_FOUND", "Not Found"

    def __init__(self) -> None:
        """Say the same, whatever was looked for."""
        super().__init__("There is nothing here, or it is not yours.")


class VersionConflictError(ApiError):
    """The item changed since the client read it."""

    status, code, title = 409, "VERSION_CONFLICT", "Conflict"


class TurnMismatchError(ApiError):
    """The answer is not for the turn on screen; carries the current question."""

    status, code, title = 409, "TURN_MISMATCH", "Conflict"


class QuestionChangedError(ApiError):
    """The question was edited since it was shown; carries it as it is now."""

    status, code, title = 409, "QUESTION_CHANGED", "Conflict"


class SessionPausedError(ApiError):
    """The session has to be resumed first."""

    status, code, title = 409, "SESSION_PAUSED", "Conflict"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("The session is paused; set its status to ACTIVE to go on.")


class SessionOverError(ApiError):
    """The session is completed or abandoned."""

    status, code, title = 409, "SESSION_OVER", "Conflict"


class SessionExpiredError(ApiError):
    """The session was not used for too long."""

    status, code, title = 410, "SESSION_EXPIRED", "Gone"

    def __init__(self) -> None:
        """Say what happened."""
        super().__init__("The session expired.")


class ImportOverError(ApiError):
    """The import is published or deleted, or is being published."""

    status, code, title = 409, "IMPORT_OVER", "Conflict"


class ImportExpiredError(ApiError):
    """The import was left alone for too long, and its categories are free for others."""

    status, code, title = 410, "IMPORT_EXPIRED", "Gone"

    def __init__(self) -> None:
        """Use one sentence for all cases."""
        super().__init__("The import has expired; open another one.")


class BodyTooLargeError(ApiError):
    """The body is larger than the route takes."""

    status, code, title = 413, "BODY_TOO_LARGE", "Content Too Large"


class ValidationError(ApiError):
    """Fields are wrong: all of them are named together, up to `MAX_FAULTS`."""

    status, code, title = 422, "VALIDATION_ERROR", "Unprocessable Content"

    def __init__(self, faults: Iterable[FieldFault]) -> None:
        """Take every fault found."""
        found = tuple(faults)
        count = len(found)
        detail = "1 field is wrong" if count == 1 else f"{count} fields are wrong"
        if count > MAX_FAULTS:
            detail += f"; the first {MAX_FAULTS} are named"
        super().__init__(detail, faults=found[:MAX_FAULTS])


class IdempotencyKeyReusedError(ApiError):
    """The Idempotency-Key was used before, with another body."""

    status, code, title = 422, "IDEMPOTENCY_KEY_REUSED", "Unprocessable Content"

    def __init__(self) -> None:
        """Name the remedy."""
        super().__init__("This Idempotency-Key was sent with another body: use a new key.")


class SessionLimitError(ApiError):
    """The learner has as many sessions as allowed."""

    status, code, title = 429, "SESSION_LIMIT", "Too Many Requests"

    def __init__(self, detail: str, *, retry_after: int | None = None) -> None:
        """Take the seconds after which a retry can succeed; None if that depends on the learner."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(detail, headers=headers)


class UnavailableError(ApiError):
    """A dependency cannot serve now; trying again later is right."""

    status, code, title = 503, "UNAVAILABLE", "Service Unavailable"

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        """Take when to try again, in seconds."""
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class InternalError(ApiError):
    """A fault of ours; what it was is in the log, never in the response."""

    status, code, title = 500, "INTERNAL_ERROR", "Internal Server Error"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("The request failed for a reason of ours.")


ERROR_CODES = tuple(dict.fromkeys(error.code for error in ApiError.__subclasses__()))
"""Every code of the contract."""
