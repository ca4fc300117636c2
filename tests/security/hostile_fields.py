"""Fields of every body, each with the values that its kind forbids.

Values are JSON source, so that they can be what `json.dumps` never writes.
"""

import json
from dataclasses import dataclass
from typing import Any

from tests.integration.stage import draft


@dataclass(frozen=True)
class Field:
    """A place in a body: its path, and the JSON sources that are wrong and those that are odd but
    right there.
    """

    path: tuple[str | int, ...]
    wrong: tuple[str, ...]
    required: bool = False
    right: tuple[str, ...] = ()


def text(value: str) -> str:
    """Return a text as JSON source."""
    return json.dumps(value)


HUGE = "9" * 5000

DEEP = "[" * 20_000 + "]" * 20_000

NO_SCALAR = ("[]", "{}", "[[]]", '["a"]', '{"a": 1}', "[" * 400 + "]" * 400, DEEP)

NO_JSON_VALUE = (
    "NaN",
    "-Infinity",
    "Infinity",
    "1e999",
    "-1e999",
    HUGE,
    "01",
    "0x1",
    "'a'",
    "a",
    "?",
)

NO_NUMBER = (*NO_SCALAR, *NO_JSON_VALUE, '""', '"1"', '"-0"', '"1e1"', '"one"', "true", "false")

NO_INTEGER = (*NO_NUMBER, "1.5", "1e-1", "5.000000000000000000001", "1e-400", "-1e-400")

ONE = ("1.0", "1e0", "0.1e1", "10e-1", "1.000")
"""The whole number one, as JSON Schema also lets it be written."""

NO_TEXT = (*NO_SCALAR, *NO_JSON_VALUE, "0", "-1", "1.5", "true", "false")

BROKEN_TEXT = (
    r'"\ud800"',
    r'"a\udc00"',
    r'"\ude00\ud83d"',
    '"a\nb"',
    '"a\0b"',
    '"a\x1fb"',
    r'"\x41"',
    r'"\u12"',
    '"a',
)

NO_GRAMMAR = tuple(
    map(
        text,
        [
            "",
            " ",
            "a b",
            "a\n",
            "\na",
            "\0",
            "a\0",
            "\t",
            "\x7f",
            "\u2028",
            "\N{RIGHT-TO-LEFT OVERRIDE}a",
            "a\N{RIGHT-TO-LEFT MARK}",
            "\N{ZERO WIDTH SPACE}a",
            "\N{NO-BREAK SPACE}",
            "\N{FULLWIDTH DIGIT ONE}",
            "\N{CYRILLIC SMALL LETTER A}",
            "e\N{COMBINING ACUTE ACCENT}",
            "\N{BRAIN}",
            "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{BRAIN}",
            "\ufeffa",
            "\ufffe",
            "../../etc/passwd",
            "' OR '1'='1",
            "a; DROP TABLE users",
            "${jndi:ldap://evil}",
            "{{7*7}}",
            "<script>alert(1)</script>",
            "#registry",
            "a" * 10_000,
        ],
    )
)

NO_LIST = (
    "{}",
    '""',
    '"ab"',
    "0",
    "1.5",
    "true",
    '{"0": "a"}',
    '{"length": 1}',
    DEEP,
    "NaN",
)

NO_OBJECT = ("[]", "[[]]", '""', '"a"', "0", "true", "[{}]", DEEP)


def too_long(limit: int) -> tuple[str, ...]:
    """Texts one character over a limit, of one to four bytes a character."""
    return tuple(text(each * (limit + 1)) for each in ("a", "\u00e9", "\N{BRAIN}"))


def named_by(*code_points: int) -> tuple[str, ...]:
    """Texts that hold a character each, escaped as JSON may have it."""
    return tuple(f'"a\\u{each:04x}b"' for each in code_points)


NO_LINE = named_by(
    *(0, 7, 8, 9, 10, 11, 13, 27, 31, 0x7F, 0x80, 0x85, 0x9F, 0x2028, 0x2029),
    *(0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069),
    *(0xFFFD, 0xFFFE, 0xFFFF),
)
"""Characters that no name holds: controls, line breaks, overrides of direction."""

NO_PROSE = named_by(0, 1, 7, 8, 11, 12, 14, 27, 31, 0x7F, 0x80, 0x9F, 0xFFFE, 0xFFFF)


def integer(low: int, high: int | None = None) -> tuple[str, ...]:
    """Values that are no integer within these bounds."""
    above = () if high is None else (str(high + 1), "9" * 30, "1" + "0" * 400)
    return (*NO_INTEGER, str(low - 1), "-1", "-" + "9" * 30, *above)


def grammar(*also: str) -> tuple[str, ...]:
    """Values that break every grammar of names and ids, and the given ones."""
    return (*NO_TEXT, *BROKEN_TEXT, *NO_GRAMMAR, *map(text, also))


CATEGORY = grammar("Geography", "geo_graphy", "geo:1", "c" * 49, "\u00e9")

LANGUAGE = grammar("e", "EN", "en_US", "en-", "english", "en-" + "a" * 9, "en" + "-abcdefgh" * 4)

ENUM = grammar("active", "ACTIVE ", "EXPIRED", "COMPLETED", "ABANDONED", "SINGLE", "single_choice")

PERCENTAGE = (*integer(0, 100), "1.01e2", "101.0", "-1.0")

RIGHT_PERCENTAGE = (*ONE, "-0", "-0.0", "0e5", "1E2")

NO_POSITIVE = ("0", "-0", "0.0", "-0.0", "0e5", "-1.0")

BOOLEAN = (*NO_SCALAR, *NO_JSON_VALUE, "0", "1", "0.0", '"true"', '"false"', '""', "True")

STRAY = [text(f"t{n}") for n in range(12)]

CHOICE: Any = {"text": "right", "correct": True}


def listed(*items: str) -> str:
    """Return a list as JSON source."""
    return f"[{', '.join(items)}]"


BODIES: dict[str, tuple[dict[str, Any], list[Field]]] = {
    "startSession": (
        {
            "name": "n",
            "sources": [{"category": "geography", "questionCount": 1}],
            "settings": {"wrongAnswerPercentage": 20},
        },
        [
            Field(("name",), (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(80)), right=("null",)),
            Field(
                ("sources",),
                (
                    *NO_LIST,
                    "null",
                    "[]",
                    "[null]",
                    "[[]]",
                    '["geography"]',
                    "[{}]",
                    listed(*['{"category": "geography"}'] * 2),
                    listed(*(f'{{"category": "c{n}"}}' for n in range(9))),
                    listed(*["0"] * 5_000),
                    listed('{"category": "nowhere"}'),
                ),
                required=True,
            ),
            Field(("sources", 0), (*NO_OBJECT, "null"), required=True),
            Field(("sources", 0, "category"), (*CATEGORY, "null", '"nowhere"'), required=True),
            Field(
                ("sources", 0, "questionCount"),
                (*integer(1, 10_000_000), *NO_POSITIVE, "4", "1E2"),
                right=(*ONE, "null"),
            ),
            Field(("settings",), NO_OBJECT, right=("null",)),
            Field(
                ("settings", "wrongAnswerPercentage"), PERCENTAGE, right=(*RIGHT_PERCENTAGE, "null")
            ),
            Field(("review",), (*NO_OBJECT, "{}", '{"category": "geography"}')),
        ],
    ),
    "startSession, review": (
        {"name": "n", "review": {"category": "geography", "questionCount": 1}},
        [
            Field(("review",), (*NO_OBJECT, "null", '{"category": "history"}', '{"sources": []}')),
            Field(("review", "category"), (*CATEGORY, '"nowhere"'), right=("null",)),
            Field(
                ("review", "questionCount"),
                (*integer(1, 50), *NO_POSITIVE, "1E2"),
                right=(*ONE, "null"),
            ),
            Field(("name",), too_long(80), right=("null",)),
        ],
    ),
    "updateSession": (
        {"version": 1, "name": "new", "status": "PAUSED"},
        [
            # A version of 30 digits is a stale one.
            Field(
                ("version",),
                (*integer(1), *NO_POSITIVE, "null", "2", "2.0", "9" * 30),
                required=True,
                right=ONE,
            ),
            Field(("name",), (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(80)), right=("null",)),
            Field(("status",), ENUM, right=("null",)),
        ],
    ),
    "submitAnswer": (
        {"questionId": "?", "turn": 1, "selectedAnswers": ["?"], "timeSpent": 1.5},
        [
            Field(
                ("questionId",),
                (*grammar("geography", "geography:1", "Geo:000001"), "null", '"nowhere:000001"'),
                required=True,
            ),
            Field(
                ("turn",),
                (*integer(1), *NO_POSITIVE, "2", "2.0", "9" * 30, "1" + "0" * 400),
                right=(*ONE, "null"),
            ),
            Field(
                ("selectedAnswers",),
                (
                    *NO_LIST,
                    "null",
                    "[]",
                    "[null]",
                    "[[]]",
                    "[true]",
                    "[0]",
                    '[""]',
                    listed(*STRAY),
                    listed(*STRAY[:1] * 2),
                    listed(*['"A"'] * 2_000),
                ),
                required=True,
            ),
            Field(("selectedAnswers", 0), (*grammar("A", "a" * 33, "none0001"), "null")),
            Field(
                ("timeSpent",),
                (*NO_NUMBER, "-0.1", "-1", "86400.01", "86401", "1e300"),
                right=(*ONE, "null", "-0.0", "1e-400", "864e2"),
            ),
        ],
    ),
    "updateUser": (
        {"displayName": "Ada", "language": "de", "wrongAnswerPercentage": 30},
        [
            Field(
                ("displayName",),
                (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(80)),
                right=("null",),
            ),
            Field(("language",), LANGUAGE, right=("null",)),
            Field(("timeZone",), grammar("Mars/Olympus", "europe/vienna", "UTC "), right=("null",)),
            Field(("wrongAnswerPercentage",), PERCENTAGE, right=(*RIGHT_PERCENTAGE, "null")),
        ],
    ),
    "saveQuestions": (
        {"questions": [draft("geography", 50)]},
        [
            Field(
                ("questions",),
                (*NO_LIST, "null", "[]", listed(*["{}"] * 101), listed(*["null"] * 10_000)),
                required=True,
            )
        ],
    ),
    "updateCategory": (
        {"title": "t", "description": "d", "language": "de", "settings": {"policy": "SPACED"}},
        [
            Field(
                ("title",),
                (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(80), '""', '" "'),
                right=("null",),
            ),
            Field(
                ("description",),
                (*NO_TEXT, *BROKEN_TEXT, *NO_PROSE, *too_long(1_000)),
                right=("null",),
            ),
            Field(("language",), LANGUAGE, right=("null",)),
            Field(("settings",), NO_OBJECT, right=("null",)),
            Field(("settings", "policy"), ENUM, right=("null",)),
        ],
    ),
    "openImport": (
        {"categories": ["rivers", "lakes"]},
        [
            Field(
                ("categories",),
                (
                    *NO_LIST,
                    "null",
                    "[]",
                    '["rivers", "rivers"]',
                    listed(*(f'"c{n}"' for n in range(91))),
                    listed(*["null"] * 10_000),
                ),
                required=True,
            ),
            Field(("categories", 0), (*CATEGORY, "null")),
        ],
    ),
    "addImportPart": (
        {"part": 1, "questions": [draft("imported", 50)]},
        [
            Field(
                ("part",),
                (*integer(1, 1_000_000), *NO_POSITIVE, "null"),
                required=True,
                right=ONE,
            ),
            Field(
                ("questions",),
                (*NO_LIST, "null", "[]", listed(*["{}"] * 101), listed(*["null"] * 10_000)),
                required=True,
            ),
        ],
    ),
    "replaceQuestion": (
        draft(
            "geography",
            70,
            answers=[CHOICE, {"text": "wrong", "correct": False, "pinned": True}],
            language="en",
            difficulty=3,
            tags=["rivers"],
            externalId="e-1",
        ),
        [
            Field(("category",), (*CATEGORY, "null", '"history"'), required=True),
            Field(
                ("text",),
                (
                    *(*NO_TEXT, *BROKEN_TEXT, *NO_PROSE, *too_long(4000)),
                    *("null", '""', r'" \n\u00a0"'),
                ),
                required=True,
            ),
            Field(("type",), (*ENUM, '"MULTIPLE_CHOICES"'), right=("null",)),
            Field(
                ("answers",),
                (
                    *NO_LIST,
                    "null",
                    "[]",
                    "[null, null]",
                    listed(text("a"), text("b")),
                    listed(json.dumps(CHOICE)),
                    listed(*[json.dumps(CHOICE)] * 2),
                    listed(*(json.dumps({"text": str(n), "correct": n == 0}) for n in range(11))),
                    listed(*(json.dumps({"text": str(n), "correct": True}) for n in range(2))),
                    listed(*(json.dumps({"text": str(n), "correct": False}) for n in range(2))),
                    listed(*["0"] * 50_000),
                ),
                required=True,
            ),
            Field(("answers", 0), (*NO_OBJECT, "null"), required=True),
            Field(
                ("answers", 0, "text"),
                (
                    *(*NO_TEXT, *BROKEN_TEXT, *NO_PROSE, *too_long(1000)),
                    *("null", '""', '" "', '"wrong"'),
                ),
                required=True,
            ),
            Field(("answers", 0, "correct"), (*BOOLEAN, "null", "false"), required=True),
            Field(("answers", 1, "pinned"), BOOLEAN, right=("null",)),
            Field(
                ("explanation",),
                (*NO_TEXT, *BROKEN_TEXT, *NO_PROSE, *too_long(4000)),
                right=("null",),
            ),
            Field(("language",), LANGUAGE, right=("null",)),
            Field(
                ("difficulty",), (*integer(1, 5), *NO_POSITIVE, "1E2"), right=(*ONE, "5.0", "null")
            ),
            Field(
                ("tags",),
                (*NO_LIST, "[null]", '[""]', "[1]", "[[]]", listed(*['"a"'] * 21)),
                right=("null",),
            ),
            Field(("tags", 0), (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(50), "null", '""')),
            Field(
                ("externalId",),
                (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(128), '""'),
                right=("null",),
            ),
        ],
    ),
}
