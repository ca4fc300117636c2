"""Bodies of the session routes."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from lambdas.shared.http.model import CategoryName, Percentage, RequestModel

Name = Annotated[str, StringConstraints(max_length=80)]


class SourceChoice(RequestModel):
    """A category, and how many of its questions; all, if not said."""

    category: CategoryName
    question_count: Annotated[int, Field(ge=1, le=10_000_000)] | None = None


class SessionPreferences(RequestModel):
    """How a session draws; the learner's own default where not said."""

    wrong_answer_percentage: Percentage | None = None


class StartSession(RequestModel):
    """What to play."""

    name: Name = ""
    sources: Annotated[tuple[SourceChoice, ...], Field(min_length=1, max_length=8, strict=False)]
    settings: SessionPreferences = SessionPreferences()

    @field_validator("sources")
    @classmethod
    def _distinct(cls, sources: tuple[SourceChoice, ...]) -> tuple[SourceChoice, ...]:
        if len({source.category for source in sources}) < len(sources):
            raise ValueError("a category is named twice")
        return sources


class UpdateSession(RequestModel):
    """What to change of a session; `version` is the one the client last saw."""

    version: Annotated[int, Field(ge=1)]
    name: Name | None = None
    status: Literal["ACTIVE", "PAUSED"] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.name is None and self.status is None:
            raise ValueError("name or status has to be given")
        return self
