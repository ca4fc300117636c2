"""Reads JSON: Lines of the contract's form or with choices, arrays of them, and OpenTriviaDB.

A question has `answers` as `POST /admin/questions` takes it, or `choices` (texts) with `correct`
(indexes into them, from 0) and `id` for the external id. Texts are Markdown and kept as they are.
"""

import codecs
import html
import json
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO, NoReturn

import ijson

from banks.categories import category_name
from banks.detection import Detected
from banks.found import Found
from banks.lines import Line, Lines
from banks.markdown import escape_markdown
from banks.question import (
    MULTIPLE,
    SINGLE,
    Answer,
    Item,
    Place,
    Question,
    Reason,
    RefusedError,
)

_FIELDS = {"category", "text", "type", "explanation", "language", "difficulty", "tags"}
_CONTRACT = _FIELDS | {"answers", "externalId"}
_CHOICES = _FIELDS | {"choices", "correct", "id", "externalId"}
_TYPES = {"SINGLE_CHOICE": False, "MULTIPLE_CHOICE": True}
_LEVELS = {"easy": 1, "medium": 3, "hard": 5}


def read_json_lines(lines: Lines) -> Iterator[Item]:
    """Return the questions of JSON Lines."""
    for line in lines:
        if line.blank:
            continue
        yield Found(Place(line.number)).resolve(partial(_on_line, line))


def _on_line(line: Line, found: Found) -> Question:
    line.raise_fault()
    return _question(_parsed(line.text), found)


def read_json_document(file: BinaryIO, detected: Detected) -> Iterator[Item]:
    """Return the questions of one JSON document, read piece by piece."""
    number = 0
    values = ijson.items(_utf8(file, detected), detected.prefix, use_float=True)
    while True:
        number += 1
        found = Found(Place(number, "item"))
        try:
            value = next(values)
        except StopIteration:
            return
        except (ijson.JSONError, UnicodeError, RecursionError, ValueError) as error:
            yield found.resolve(_broken(str(error)))
            return
        yield found.resolve(partial(_question, value))


def _utf8(file: BinaryIO, detected: Detected) -> Any:
    codec = detected.encoding.codec
    if codec == "utf-8-sig":
        file.seek(3)
    if codec.startswith("utf-8"):
        return file
    return _Recoded(file, codec)


class _Recoded:
    """A file in another encoding, read as UTF-8."""

    def __init__(self, file: BinaryIO, codec: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(codec)(errors="replace")

    def read(self, size: int = -1) -> bytes:
        """Return the next piece; an empty one only at the end."""
        while chunk := self._file.read(size):
            if text := self._decoder.decode(chunk):
                return text.encode()
        return b""


def _broken(reason: str) -> Any:
    def build(_: Found) -> NoReturn:
        raise RefusedError(
            Reason.MALFORMED,
            f"the JSON is broken here, and nothing after it can be read: {reason[:200]}",
        )

    return build


def _parsed(text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        text.encode()
    except json.JSONDecodeError as error:
        raise RefusedError(
            Reason.MALFORMED, f"the line is not JSON: {error.msg} at column {error.colno}"
        ) from None
    except (ValueError, RecursionError):
        raise RefusedError(
            Reason.MALFORMED, "the line is not JSON that can be read: a value is too large or deep"
        ) from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise RefusedError(Reason.MALFORMED, "an object has a key twice: keep one")
    return value


def _constant(name: str) -> NoReturn:
    raise RefusedError(Reason.MALFORMED, f"{name} is not JSON")


def _question(value: Any, found: Found) -> Question:
    if not isinstance(value, dict):
        raise RefusedError(Reason.MALFORMED, "it is not a JSON object")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError, TypeError):
        raise RefusedError(
            Reason.MALFORMED, "it holds half a surrogate pair, or is nested too deeply"
        ) from None
    value = {name: each for name, each in value.items() if each is not None}
    if "incorrect_answers" in value:
        return _trivia(found, value)
    found.text = value["text"] if isinstance(value.get("text"), str) else ""
    if "answers" in value or not {"choices", "correct"} & value.keys():
        _known(value, _CONTRACT)
        answers = _answers(value.get("answers"))
        kind = value.get("type", "SINGLE_CHOICE")
    else:
        _known(value, _CHOICES)
        answers = _choices(value)
        several = sum(answer.correct for answer in answers) > 1
        kind = value.get("type", "MULTIPLE_CHOICE" if several else "SINGLE_CHOICE")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise RefusedError(
            Reason.TYPE, f"type: {_shown(kind)} is neither SINGLE_CHOICE nor MULTIPLE_CHOICE"
        )
    found.type = MULTIPLE if _TYPES[kind] else SINGLE
    return Question(
        text=_text(value, "text"),
        answers=answers,
        multiple=_TYPES[kind],
        category=_category(found, value),
        explanation=_text(value, "explanation"),
        language=_text(value, "language") or None,
        difficulty=_difficulty(value),
        tags=_texts(value.get("tags", []), "tags"),
        external_id=_external_id(value),
    )


def _known(value: dict[str, Any], names: set[str]) -> None:
    if unknown := sorted(value.keys() - names):
        shown = ", ".join(name[:40] for name in unknown[:5])
        raise RefusedError(
            Reason.VALUE,
            f"{shown}: not a field of a question; those are {', '.join(sorted(names))}",
        )


def _answers(given: Any) -> tuple[Answer, ...]:
    if not isinstance(given, list):
        raise RefusedError(Reason.NO_CHOICES, "answers: has to be a list of answers")
    answers = []
    for number, each in enumerate(given, 1):
        where = f"answers: number {number}"
        if not isinstance(each, dict) or each.keys() - {"text", "correct", "pinned"}:
            raise RefusedError(
                Reason.VALUE, f"{where} has to be an object of text, correct and pinned"
            )
        correct, pinned = each.get("correct"), each.get("pinned") or False
        if not isinstance(correct, bool) or not isinstance(pinned, bool):
            raise RefusedError(
                Reason.VALUE, f"{where}: correct and pinned have to be true or false"
            )
        answers.append(Answer(_answer_text(each.get("text"), where), correct, pinned))
    return tuple(answers)


def _choices(value: dict[str, Any]) -> tuple[Answer, ...]:
    choices, correct = value.get("choices"), value.get("correct")
    if not isinstance(choices, list):
        raise RefusedError(Reason.NO_CHOICES, "choices: has to be a list of texts")
    indexes: list[Any] = correct if isinstance(correct, list) else [correct]
    if any(type(index) is not int for index in indexes):
        raise RefusedError(
            Reason.KEY, "correct: has to be a list of indexes into choices, counted from 0"
        )
    if wrong := [index for index in indexes if not 0 <= index < len(choices)]:
        raise RefusedError(
            Reason.KEY,
            f"correct: there is no choice {wrong[0]}; indexes count from 0 to {len(choices) - 1}",
        )
    if len(set(indexes)) < len(indexes):
        raise RefusedError(Reason.KEY, "correct: names a choice twice")
    return tuple(
        Answer(_answer_text(text, f"choices: number {place + 1}"), place in indexes)
        for place, text in enumerate(choices)
    )


def _answer_text(text: Any, where: str) -> str:
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return str(text)
    if not isinstance(text, str):
        raise RefusedError(Reason.VALUE, f"{where} has to be a text, not {_shown(text)}")
    return text


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name, "")
    if not isinstance(text, str):
        raise RefusedError(Reason.VALUE, f"{name}: has to be a text, not {_shown(text)}")
    return text


def _texts(given: Any, name: str) -> tuple[str, ...]:
    if not isinstance(given, list) or any(not isinstance(each, str) for each in given):
        raise RefusedError(Reason.VALUE, f"{name}: has to be a list of texts")
    return tuple(given)


def _category(found: Found, value: dict[str, Any]) -> str | None:
    given = _text(value, "category")
    return category_name(given, found.notices) if given.strip() else None


def _difficulty(value: dict[str, Any]) -> int | None:
    given = value.get("difficulty")
    if given is None:
        return None
    if isinstance(given, str) and given.strip().lower() in _LEVELS:
        return _LEVELS[given.strip().lower()]
    if isinstance(given, bool) or not isinstance(given, (int, float)) or given not in range(1, 6):
        raise RefusedError(
            Reason.VALUE, f"difficulty: has to be a whole number from 1 to 5, not {_shown(given)}"
        )
    return int(given)


def _external_id(value: dict[str, Any]) -> str | None:
    if "id" in value and "externalId" in value:
        raise RefusedError(Reason.VALUE, "id and externalId mean the same: keep one")
    given = value.get("id", value.get("externalId"))
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    if given is not None and not isinstance(given, str):
        raise RefusedError(Reason.VALUE, f"id: has to be a text, not {_shown(given)}")
    return given


def _trivia(found: Found, value: dict[str, Any]) -> Question:
    found.type = _text(value, "type") or "multiple"
    found.text = html.unescape(_text(value, "question"))
    right = _text(value, "correct_answer")
    wrong = _texts(value["incorrect_answers"], "incorrect_answers")
    category = html.unescape(_text(value, "category")).strip()
    return Question(
        text=_plain(found.text),
        answers=(
            Answer(_plain(html.unescape(right)), correct=True),
            *(Answer(_plain(html.unescape(text)), correct=False) for text in wrong),
        ),
        category=category_name(category, found.notices) if category else None,
        difficulty=_difficulty(value),
    )


def _plain(text: str) -> str:
    return escape_markdown(text.strip())


def _shown(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, (str, int, float, bool)) else type(value).__name__
