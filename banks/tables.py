"""Reads rows of a table, be it CSV or a workbook: one question in a row, named columns."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import NamedTuple, TypeVar
from unicodedata import normalize

from banks.categories import category_name
from banks.checks import visible
from banks.found import Found
from banks.markdown import Markup, explanation_to_markdown, to_markdown
from banks.question import (
    MULTIPLE,
    SINGLE,
    Answer,
    BankFileError,
    Item,
    Place,
    Question,
    Reason,
    RefusedError,
)

HEADER_WITHIN = 20
"""Rows among which the header is looked for; Kahoot's is in row 8."""

Key = TypeVar("Key", str, int)

COLUMNS = (
    "text, answer_1, answer_2 (to answer_10) and correct; also category, type, pinned, "
    "explanation, language, difficulty, tags and external_id"
)

_ROLES = (
    ("explanation", r".*(?:explanation|rationale).*|(?:general_)?feedback"),
    (
        "text",
        r"text|stem|prompt|(?:html_of_the_)?questions?(?:_(?:text|body|stem))?(?:_max_\d+_char\w*)?",
    ),
    ("options", r"(?:options|choices|answers|alternatives)(?:_separated_by.*)?"),
    ("correct", r"(?:correct|right)(?!.*feedback)(?:_.*|answers?|options?)?|(?:answer_)?key"),
    ("correct", r"solution|answer"),
    ("category", r"category|topic|subject"),
    ("type", r"(?:question_)?type"),
    ("pinned", r"pinned"),
    ("language", r"language|lang"),
    ("difficulty", r"difficulty|level"),
    ("tags", r"tags?|keywords?"),
    ("external_id", r"(?:external_?|question_)?id"),
    ("markup", r"markup"),
)
_ANSWER = re.compile(
    r"(?:answer|option|choice|alternative|response)_?(?:text_)?(\d{1,2}|[a-z])(?:_max_.*)?|([a-j])"
)
_NUMBER = re.compile(r"\(?(\d{1,4})(?:[.,]0+)?[.)]?")
_LETTER = re.compile(r"\(?([A-Za-z])[.)]?")
_PREFIX = re.compile(r"(?:answer|option|choice)[\s_]*(?=(?:\d{1,2}|[A-Za-z])\W*$)", re.IGNORECASE)
_LEVELS = {"easy": 1, "medium": 3, "hard": 5}
_OWN_TYPES = {"SINGLE_CHOICE": False, "MULTIPLE_CHOICE": True}
_OTHER_TYPES = (
    (r".*essay.*|open.*|paragraph", Reason.ESSAY),
    (r"short.*|fill.*|type.?answer|text", Reason.SHORT_ANSWER),
    (r"match.*", Reason.MATCHING),
    (r"numer.*", Reason.NUMERICAL),
    (r"order.*|sort.*|jumble|puzzle", Reason.ORDER),
    (r"cloze.*", Reason.CLOZE),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        place: Where it is.
        cells: Its texts.
        fault: Why it cannot be read, or an empty string.
        errors: Texts of cells that hold an error value, by column.
        cell_name: Returns how a message names the cell of a column.
    """

    place: Place
    cells: Sequence[str]
    fault: str = ""
    errors: Mapping[int, str] = field(default_factory=dict)
    cell_name: Callable[[int], str] | None = None

    @property
    def blank(self) -> bool:
        """Whether nothing is in it."""
        return not self.fault and not self.errors and not any(cell.strip() for cell in self.cells)


class Columns(NamedTuple):
    """Which column holds what.

    Attributes:
        roles: Columns by what they hold.
        answers: Columns of answers by their number, from 1.
        names: All names as the header has them.
        notices: Sentences to report about the header.
    """

    roles: Mapping[str, int]
    answers: Mapping[int, int]
    names: Sequence[str]
    notices: Sequence[str]

    @property
    def known(self) -> int:
        """How many columns are known."""
        return len(self.roles) + len(self.answers)

    @property
    def has_answers(self) -> bool:
        """Whether a column holds answers."""
        return bool(self.answers) or "options" in self.roles


def columns_of(cells: Sequence[str]) -> Columns:
    """Return what a row's cells name, if it is the header.

    Raises:
        BankFileError: Two columns hold the same.
    """
    roles: dict[str, int] = {}
    answers: dict[int, int] = {}
    unknown: list[str] = []
    normalized = [_normalized(cell) for cell in cells]
    # A lone letter names an answer only beside a text: the row may be one of lone letters.
    has_text = any(_role(name) == "text" for name in normalized)
    for column, (name, cell) in enumerate(zip(normalized, cells, strict=True)):
        if (number := _answer_number(name)) and (has_text or len(name) > 1):
            _enter(answers, number, column, cells)
        elif role := _role(name):
            _enter(roles, role, column, cells)
        elif cell.strip():
            unknown.append(cell.strip()[:40])
    notices = [f"columns not used: {', '.join(unknown)}"] if unknown else []
    return Columns(roles, answers, [cell.strip() for cell in cells], notices)


def _enter(known: dict[Key, int], key: Key, column: int, cells: Sequence[str]) -> None:
    if key in known:
        raise BankFileError(
            f"Its header has two columns for the same: '{cells[known[key]].strip()}' and "
            f"'{cells[column].strip()}'. Rename or remove one."
        )
    known[key] = column


def _normalized(cell: str) -> str:
    plain = normalize("NFKD", cell).casefold()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _answer_number(name: str) -> int | None:
    found = _ANSWER.fullmatch(name)
    if not found:
        return None
    given = found[1] or found[2]
    return int(given) if given.isdigit() else ascii_uppercase.index(given.upper()) + 1


def _role(name: str) -> str | None:
    return next((role for role, pattern in _ROLES if re.fullmatch(pattern, name)), None)


def find_header(rows: Iterator[Row]) -> tuple[Columns | None, list[Row]]:
    """Return the header's columns; None and the rows looked at if none of these names columns.

    Raises:
        BankFileError: The header is there, but lacks a column.
    """
    looked_at: list[Row] = []
    for row in rows:
        if row.blank:
            continue
        columns = columns_of(row.cells)
        if columns.known >= 2 and ("text" in columns.roles or columns.has_answers):
            _check_complete(columns)
            return columns, []
        looked_at.append(row)
        if len(looked_at) >= HEADER_WITHIN:
            break
    return None, looked_at


def _check_complete(columns: Columns) -> None:
    missing = [role for role in ("text", "correct") if role not in columns.roles]
    if missing:
        raise BankFileError(
            f"Its header has no column {' and no column '.join(missing)}. Name the columns "
            f"{COLUMNS}."
        )


def read_rows(columns: Columns, rows: Iterable[Row]) -> Iterator[Item]:
    """Return the questions of the rows after the header."""
    known = {*columns.roles.values(), *columns.answers.values()}
    for row in rows:
        if row.blank or not (row.fault or _used(row, known)):
            continue
        reader = _RowReader(row, columns)
        yield Found(row.place).resolve(reader.question)


def refuse_rows(names: Sequence[str], rows: Iterable[Row]) -> Iterator[Item]:
    """Refuse each row of a table without any column of answers."""
    shown = ", ".join(name for name in names if name)[:200]

    def build(_: Found) -> Question:
        raise RefusedError(
            Reason.NO_CHOICES,
            f"the table has no columns of answers, only: {shown}. Name the columns {COLUMNS}",
        )

    for row in rows:
        if not row.blank:
            found = Found(row.place, text=next(filter(None, row.cells), ""))
            yield found.resolve(build)


def _used(row: Row, columns: set[int]) -> bool:
    return any(
        column in row.errors or (column < len(row.cells) and row.cells[column].strip())
        for column in columns
    )


@dataclass(slots=True)
class _RowReader:
    """Turns one row into a question."""

    row: Row
    columns: Columns

    def question(self, found: Found) -> Question:
        """Return the question of the row."""
        if self.row.fault:
            raise RefusedError(Reason.MALFORMED, self.row.fault)
        found.type, found.text = SINGLE, self._cell("text")
        found.notices += self._extra_cells()
        self._refuse_errors()
        answers = self._answers(found)
        multiple = self._multiple(sum(answer.correct for answer in answers))
        found.type = MULTIPLE if multiple else SINGLE
        category = self._cell("category")
        return Question(
            text=to_markdown(self._cell("text"), self._markup),
            answers=answers,
            multiple=multiple,
            category=category_name(category, found.notices) if category else None,
            explanation=explanation_to_markdown(
                self._cell("explanation"), self._markup, found.notices
            ),
            language=self._cell("language") or None,
            difficulty=self._difficulty(),
            tags=self._tags(),
            external_id=self._cell("external_id") or None,
        )

    @property
    def _markup(self) -> Markup:
        given = self._cell("markup").lower()
        known = {"markdown": Markup.MARKDOWN, "html": Markup.HTML, "plain": Markup.PLAIN}
        return known.get(given, Markup.CELL)

    def _cell(self, role: str) -> str:
        return self._at(self.columns.roles.get(role))

    def _at(self, column: int | None) -> str:
        if column is None or column >= len(self.row.cells):
            return ""
        return self.row.cells[column].strip()

    def _named(self, column: int) -> str:
        """Return how a message names a cell."""
        if self.row.cell_name:
            return self.row.cell_name(column)
        return f"column '{self.columns.names[column]}'"

    def _where(self, role: str) -> str:
        return self._named(self.columns.roles[role])

    def _extra_cells(self) -> list[str]:
        extra = [cell for cell in self.row.cells[len(self.columns.names) :] if cell.strip()]
        if not extra:
            return []
        raise RefusedError(
            Reason.MALFORMED,
            f"it has {len(self.row.cells)} cells, the header has {len(self.columns.names)}: quote "
            "a text that holds the separator, or remove what is too much",
        )

    def _refuse_errors(self) -> None:
        for column, error in self.row.errors.items():
            if column in {*self.columns.roles.values(), *self.columns.answers.values()}:
                raise RefusedError(
                    Reason.VALUE,
                    f"{self._named(column)} holds the error {error}: correct its formula",
                )

    def _answers(self, found: Found) -> tuple[Answer, ...]:
        texts = self._texts(found)
        numbers = self._right(texts, found)
        pinned = self._pinned(texts)
        return tuple(
            Answer(to_markdown(text, self._markup), number in numbers, number in pinned)
            for number, text in texts.items()
        )

    def _texts(self, found: Found) -> dict[int, str]:
        """Return the texts of the answers by their number; empty ones are left out."""
        if "options" in self.columns.roles:
            parts = re.split(r"[|\n]", self._cell("options"))
            texts = {number: part.strip() for number, part in enumerate(parts, 1)}
        else:
            texts = {n: self._at(column) for n, column in sorted(self.columns.answers.items())}
        if not texts:
            raise RefusedError(
                Reason.NO_WRONG,
                "only the right answer is given: add wrong ones in columns answer_1, answer_2",
            )
        given = {number: text for number, text in texts.items() if text}
        last = max(given, default=0)
        if blank := [str(number) for number in texts if number < last and number not in given]:
            found.notices.append(f"answer {', '.join(blank)} is empty and left out")
        return given

    def _right(self, texts: dict[int, str], found: Found) -> set[int]:
        where = self._where("correct")
        cell = self._cell("correct")
        if not cell:
            raise RefusedError(
                Reason.NO_RIGHT, f"{where} is empty: write the number of the right answer"
            )
        key = _Key(texts, where, found.notices)
        # A separator may be part of an answer's text: the fewest parts that all mean something.
        problem, tried = key.unknown(""), 0
        for pattern in (None, r"[;|\n]", r"[;,|\n]", r"[;,|\s]+"):
            parts = [cell] if pattern is None else re.split(pattern, cell)
            try:
                return {key.number(part.strip()) for part in parts if part.strip()}
            except RefusedError as error:
                problem = error if tried < 2 else problem
            tried = max(tried, len(parts))
        raise problem

    def _pinned(self, texts: dict[int, str]) -> set[int]:
        numbers = set()
        for part in re.findall(r"[^;,|\s]+", self._cell("pinned")):
            found = _NUMBER.fullmatch(part)
            if not found or int(found[1]) not in texts:
                raise RefusedError(
                    Reason.VALUE,
                    f"{self._where('pinned')}: '{part[:40]}' is not the number of an answer",
                )
            numbers.add(int(found[1]))
        return numbers

    def _multiple(self, right: int) -> bool:
        given = self._cell("type")
        if given.upper() in _OWN_TYPES:
            return _OWN_TYPES[given.upper()]
        for pattern, reason in _OTHER_TYPES:
            if re.fullmatch(pattern, given.lower().replace("_", " ")):
                raise RefusedError(
                    reason, f"{self._where('type')}: '{given[:40]}' questions cannot be imported"
                )
        return right > 1

    def _difficulty(self) -> int | None:
        given = self._cell("difficulty")
        if not given:
            return None
        number = _NUMBER.fullmatch(given)
        level = int(number[1]) if number else _LEVELS.get(given.lower())
        if level is None or not 1 <= level <= 5:
            raise RefusedError(
                Reason.VALUE,
                f"{self._where('difficulty')}: '{given[:40]}' is not a number from 1 to 5",
            )
        return level

    def _tags(self) -> tuple[str, ...]:
        given = self._cell("tags")
        if given.startswith('["'):
            with suppress(ValueError):
                return tuple(str(tag) for tag in json.loads(given))
        return tuple(part.strip() for part in re.split(r"[;\n]", given) if part.strip())


@dataclass(slots=True)
class _Key:
    """Understands how a cell names the right answer: by number, letter or text."""

    texts: Mapping[int, str]
    where: str
    notices: list[str]

    def number(self, part: str) -> int:
        """Return the number of the answer that a part of the cell names."""
        part = _PREFIX.sub("", part)
        by_text = self._by_text(part)
        if found := _NUMBER.fullmatch(part):
            return self._by_number(int(found[1]), by_text, part)
        if found := _LETTER.fullmatch(part):
            return self._by_letter(ascii_uppercase.index(found[1].upper()) + 1, by_text, part)
        if by_text is None:
            raise self.unknown(f"'{part[:60]}' is neither the number, letter nor text of an answer")
        return by_text

    def _by_text(self, part: str) -> int | None:
        for same in (visible, lambda text: visible(text).casefold()):
            found = [number for number, text in self.texts.items() if same(text) == same(part)]
            if len(found) == 1:
                return found[0]
        return None

    def _by_number(self, number: int, by_text: int | None, part: str) -> int:
        if number in self.texts:
            if by_text not in (None, number):
                self.notices.append(
                    f"{self.where}: '{part}' is taken as the number of the answer "
                    f"('{self.texts[number][:60]}'), not as its text"
                )
            return number
        if by_text is None:
            raise self.unknown(f"there is no answer {number}")
        self.notices.append(f"{self.where}: '{part}' is taken as the text of answer {by_text}")
        return by_text

    def _by_letter(self, number: int, by_text: int | None, part: str) -> int:
        if by_text is not None and by_text != number and number in self.texts:
            raise self.unknown(f"'{part}' is the letter of one answer and the text of another")
        if number in self.texts:
            return number
        if by_text is None:
            raise self.unknown(f"there is no answer {part}")
        return by_text

    def unknown(self, problem: str) -> RefusedError:
        """Return the refusal of a cell that names no answer."""
        numbers = ", ".join(map(str, self.texts)) or "none"
        return RefusedError(
            Reason.KEY,
            f"{self.where}: {problem}; write the number of the right answer ({numbers}; the first "
            "is 1)",
        )
