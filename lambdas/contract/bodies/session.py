"""Bodies of the session routes."""

from contextlib import suppress
from typing import Annotated, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from domain.question import SMOKE_CATEGORY
from domain.session.policy import (
    MAX_LAG,
    MAX_PENDING_LIMIT,
    MIN_PENDING_LIMIT,
    Policy,
    Preferences,
)
from lambdas.contract.bodies.base import CategoryName, Percentage, RequestModel, some_given
from lambdas.contract.bodies.faults import refusal
from lambdas.contract.bodies.texts import ONE_LINE
from lambdas.contract.errors import FieldCode, ValidationError

MAX_SOURCES = 8
"""Categories of one session."""

MAX_LEFTOVERS = 50
"""Questions of one review: with what else it writes they fit in a transaction of 100 actions."""

Name = Annotated[str, StringConstraints(max_length=80, pattern=ONE_LINE)]


class SourceChoice(RequestModel):
    """A category, and how many of its questions; all by default."""

    category: CategoryName
    question_count: Annotated[int, Field(ge=1, le=10_000_000)] | None = None


Lag = Annotated[int, Field(ge=1, le=MAX_LAG)]
"""A number of turns."""


class SpacingSettings(RequestModel):
    """Settings of the policy SPACED.

    Attributes:
        first_lag: turns until a missed question's first review.
        second_lag: turns from a right first review to the second.
        share: percentage of draws that are due reviews, while any is due.
        pending_limit: missed questions at which no new ones are drawn; null for no limit.
    """

    first_lag: Lag | None = None
    second_lag: Lag | None = None
    share: Annotated[int, Field(ge=1, le=100)] | None = None
    pending_limit: Annotated[int, Field(ge=MIN_PENDING_LIMIT, le=MAX_PENDING_LIMIT)] | None = None


class SessionPreferences(RequestModel):
    """How a session chooses questions; the defaults apply where nothing is given."""

    policy: Literal["RATIO", "SPACED"] | None = None
    wrong_answer_percentage: Percentage | None = None
    spacing: SpacingSettings | None = None

    @property
    def preferences(self) -> Preferences:
        """The settings that are given. An explicit null for `pendingLimit` is one: no limit."""
        spacing = self.spacing or SpacingSettings()
        limit = 0 if "pending_limit" in spacing.model_fields_set else None
        return Preferences(
            policy=Policy(self.policy) if self.policy else None,
            wrong_answer_percentage=self.wrong_answer_percentage,
            first_lag=spacing.first_lag,
            second_lag=spacing.second_lag,
            share=spacing.share,
            pending_limit=spacing.pending_limit or limit,
        )


class ReviewChoice(RequestModel):
    """Leftovers of earlier sessions to review: of one category or all, and how many questions."""

    category: CategoryName | None = None
    question_count: Annotated[int, Field(ge=1, le=MAX_LEFTOVERS)] = MAX_LEFTOVERS


class StartSession(RequestModel):
    """A session to start: either questions of sources, or a review."""

    model_config = ConfigDict(
        json_schema_extra=some_given("oneOf", sources="array", review="object")
    )

    name: Name = ""
    review: ReviewChoice | None = None
    sources: Annotated[
        Annotated[
            tuple[SourceChoice, ...], Field(min_length=1, max_length=MAX_SOURCES, strict=False)
        ]
        | None,
        Field(validate_default=True),
    ] = None
    settings: SessionPreferences = SessionPreferences()

    @property
    def categories(self) -> tuple[str, ...]:
        """Every category that is named."""
        chosen = (*(self.sources or ()), *([self.review] if self.review else ()))
        return tuple(each.category for each in chosen if each.category)

    @field_validator("sources")
    @classmethod
    def _distinct(
        cls, sources: tuple[SourceChoice, ...] | None, info: ValidationInfo
    ) -> tuple[SourceChoice, ...] | None:
        if "review" in info.data and (sources is None) == (info.data["review"] is None):
            code = FieldCode.REQUIRED if sources is None else FieldCode.CONFLICT
            raise refusal(code, "Give either sources or review.")
        named = {source.category for source in sources or ()}
        if sources and len(named) < len(sources):
            raise refusal(FieldCode.DUPLICATE, "Name each category once.")
        # A session is measured or it is not: as a whole.
        if SMOKE_CATEGORY in named and len(named) > 1:
            message = f"{SMOKE_CATEGORY} is reserved for the smoke test: name it alone."
            raise refusal(FieldCode.CONFLICT, message)
        return sources


def sound_sources(body: object) -> dict[int, SourceChoice]:
    """Return the well-formed sources of a refused body, by their place."""
    sources = body.get("sources") if isinstance(body, dict) else None
    found: dict[int, SourceChoice] = {}
    for index, source in enumerate(sources[:MAX_SOURCES] if isinstance(sources, list) else ()):
        with suppress(ValidationError):
            found[index] = SourceChoice.read(source)
    return found


class UpdateSession(RequestModel):
    """Changes of a session; `version` is the one the client last saw."""

    model_config = ConfigDict(json_schema_extra=some_given("anyOf", name="string", status="string"))

    version: Annotated[int, Field(ge=1)]
    name: Name | None = None
    status: Literal["ACTIVE", "PAUSED"] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.name is None and self.status is None:
            raise refusal(FieldCode.REQUIRED, "Give a name or a status to change.")
        return self
