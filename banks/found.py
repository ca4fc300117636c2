"""A question while it is being read, until it is taken or refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from banks.checks import checked
from banks.question import MULTIPLE, SINGLE, Item, Place, Question, RefusedError


@dataclass(slots=True)
class Found:
    """A question while it is being read.

    Attributes:
        place: Where it is.
        type: Its type in the vocabulary of the file's format.
        text: Its text as far as it could be read.
        notices: Simplifications so far.
    """

    place: Place
    type: str = ""
    text: str = ""
    notices: list[str] = field(default_factory=list)

    def resolve(self, build: Callable[["Found"], Question]) -> Item:
        """Return the item: with the question that `build` returns, or with its refusal."""
        try:
            question = checked(build(self))
        except RefusedError as error:
            return self._item(reason=error.reason, message=error.message)
        self.type = self.type or (MULTIPLE if question.multiple else SINGLE)
        self.text = question.text
        return self._item(question=question)

    def _item(self, **outcome: Any) -> Item:
        return Item(
            place=self.place,
            type=self.type or "unknown",
            text=self.text,
            notices=tuple(self.notices),
            **outcome,
        )
