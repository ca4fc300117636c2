"""Field faults of request bodies: a code and a sentence of ours for each error of pydantic."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import PydanticCustomError

from lambdas.contract.bodies.texts import ONE_LINE, PROSE, VISIBLE_PROSE
from lambdas.contract.errors import FieldCode, FieldFault
from lambdas.contract.formats import (
    CATEGORY_PATTERN,
    CHOICE_ID_PATTERN,
    LANGUAGE_PATTERN,
    QUESTION_ID_PATTERN,
    TIME_ZONE_PATTERN,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Context = Mapping[str, Any]


class Meaning(NamedTuple):
    """Code and sentence of an error; the sentence is made from the error's context."""

    code: FieldCode
    sentence: Callable[[Context], str]


def _always(sentence: str) -> Callable[[Context], str]:
    return lambda _: sentence


def _counted(template: str, limit: str, noun: str) -> Callable[[Context], str]:
    def sentence(context: Context) -> str:
        number = context[limit]
        return template.format(f"{number} {noun}{'' if number == 1 else 's'}")

    return sentence


def _choices(context: Context) -> str:
    return f"Use one of these values: {context['expected']}.".replace("'", "")


MEANINGS: Mapping[str, Meaning] = {
    "missing": Meaning(FieldCode.REQUIRED, _always("This field is required.")),
    "extra_forbidden": Meaning(
        FieldCode.UNKNOWN_FIELD, _always("This field is unknown; remove it.")
    ),
    "model_type": Meaning(FieldCode.INVALID_TYPE, _always("Use an object.")),
    "string_type": Meaning(FieldCode.INVALID_TYPE, _always("Use a text.")),
    "string_unicode": Meaning(
        FieldCode.INVALID_CHARACTERS, _always("Use valid Unicode characters only.")
    ),
    "int_type": Meaning(FieldCode.INVALID_TYPE, _always("Use a whole number.")),
    "int_from_float": Meaning(FieldCode.INVALID_TYPE, _always("Use a whole number.")),
    "float_type": Meaning(FieldCode.INVALID_TYPE, _always("Use a number.")),
    "finite_number": Meaning(FieldCode.TOO_LARGE, _always("Use a finite number.")),
    "bool_type": Meaning(FieldCode.INVALID_TYPE, _always("Use true or false.")),
    "tuple_type": Meaning(FieldCode.INVALID_TYPE, _always("Use a list.")),
    "literal_error": Meaning(FieldCode.INVALID_VALUE, _choices),
    "string_too_short": Meaning(
        FieldCode.TOO_SHORT, _counted("Use at least {}.", "min_length", "character")
    ),
    "string_too_long": Meaning(
        FieldCode.TOO_LONG, _counted("Use at most {}.", "max_length", "character")
    ),
    "too_short": Meaning(FieldCode.TOO_SHORT, _counted("Give at least {}.", "min_length", "item")),
    "too_long": Meaning(FieldCode.TOO_LONG, _counted("Give at most {}.", "max_length", "item")),
    "greater_than_equal": Meaning(
        FieldCode.TOO_SMALL, lambda context: f"Use a number of at least {context['ge']}."
    ),
    "less_than_equal": Meaning(
        FieldCode.TOO_LARGE, lambda context: f"Use a number of at most {context['le']}."
    ),
}
"""By pydantic's type of error. A test finds every type that a model can raise, and asserts it."""

PATTERNS: Mapping[str, tuple[FieldCode, str]] = {
    ONE_LINE: (
        FieldCode.INVALID_CHARACTERS,
        "Line breaks, control characters and overrides of the text direction are not allowed.",
    ),
    PROSE: (FieldCode.INVALID_CHARACTERS, "Control characters are not allowed."),
    VISIBLE_PROSE: (
        FieldCode.INVALID_CHARACTERS,
        "The text must have a visible character, and no control characters.",
    ),
    CATEGORY_PATTERN: (
        FieldCode.INVALID_FORMAT,
        "Use 1 to 48 lower-case letters, digits and hyphens.",
    ),
    QUESTION_ID_PATTERN: (
        FieldCode.INVALID_FORMAT,
        "Use the id of a question, such as geography:000123.",
    ),
    LANGUAGE_PATTERN: (FieldCode.INVALID_FORMAT, "Use a language tag, such as en or pt-BR."),
    TIME_ZONE_PATTERN: (
        FieldCode.INVALID_FORMAT,
        "Use the IANA name of a time zone, such as Europe/Vienna.",
    ),
    CHOICE_ID_PATTERN: (
        FieldCode.INVALID_FORMAT,
        "Use the id of a choice, as the question shows it.",
    ),
}
"""Code and sentence by the pattern that a text does not match."""


def refusal(code: FieldCode, sentence: str) -> PydanticCustomError:
    """Return the error that a validator of ours raises."""
    # The sentence is a template to pydantic.
    return PydanticCustomError(code.value, "{sentence}", {"sentence": sentence})


def field_fault(error: "ErrorDetails") -> FieldFault:
    """Return the field fault of an error of pydantic."""
    kind, context = error["type"], error.get("ctx", {})
    field = ".".join(map(str, error["loc"])) if error["loc"] else "body"
    if kind in FieldCode.__members__:
        return FieldFault(field, FieldCode(kind), context["sentence"])
    if kind == "string_pattern_mismatch":
        return FieldFault(field, *PATTERNS[context["pattern"]])
    meaning = MEANINGS[kind]
    return FieldFault(field, meaning.code, meaning.sentence(context))


def is_consequence(error: "ErrorDetails") -> bool:
    """Whether a list is reported too short only because its wrong items were left out."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]
