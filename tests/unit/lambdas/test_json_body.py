"""Bodies as JSON, refused where Python's parser is lenient."""

import json
from typing import Any
from unicodedata import is_normalized, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.contract.errors import MalformedBodyError
from lambdas.shared.http.json_body import MAX_DEPTH, parse_json
from tests.unit.lambdas.builders import repeatable

ACUTE = "\N{COMBINING ACUTE ACCENT}"
COMPOSED, DECOMPOSED = "caf\N{LATIN SMALL LETTER E WITH ACUTE}", f"cafe{ACUTE}"

NOT_JSON = {
    "empty": "",
    "only spaces": " \t\r\n",
    "byte order mark": '\ufeff{"a": 1}',
    "escaped byte order mark": '\\ufeff{"a": 1}',
    "second value": "{} {}",
    "trailing letter": "{}x",
    "trailing NUL": "{}\0",
    "trailing comma in object": '{"a": 1,}',
    "trailing comma in array": "[1,]",
    "unclosed object": '{"a": 1',
    "unclosed array": "[1",
    "unclosed text": '{"a": "b',
    "single quotes": "{'a': 1}",
    "bare key": "{a: 1}",
    "number as key": "{1: 1}",
    "comment": '{"a": 1 /* one */}',
    "leading zero": '{"a": 01}',
    "plus sign": '{"a": +1}',
    "no digit before the point": '{"a": .5}',
    "no digit after the point": '{"a": 1.}',
    "hexadecimal": '{"a": 0x10}',
    "underscore in number": '{"a": 1_000}',
    "digits of another script": '{"a": \N{ARABIC-INDIC DIGIT ONE}}',
    "Python constants": '{"a": True}',
    "undefined": '{"a": undefined}',
    "raw line break in text": '{"a": "b\nc"}',
    "raw NUL in text": '{"a": "b\0c"}',
    "unknown escape": r'{"a": "\x41"}',
    "short escape": r'{"a": "\u12"}',
    "no-break space between values": '{"a":\N{NO-BREAK SPACE}1}',
    "form": "name=ada&status=PAUSED",
    "XML": "<session/>",
}

REFUSED = {
    "NaN": ('{"a": NaN}', "NaN"),
    "Infinity": ('{"a": Infinity}', "Infinity"),
    "-Infinity": ('{"a": [1, -Infinity]}', "-Infinity"),
    "alone": ("NaN", "NaN"),
    "1e999": ('{"a": 1e999}', "too large"),
    "-1e999": ('{"a": -1e999}', "too large"),
    "1E+400": ('{"a": {"b": [1E+400]}}', "too large"),
    "1.0 and 400 zeros": (f'{{"a": 1{"0" * 400}.0}}', "too large"),
    "exponent of 20 digits": (f'{{"a": 1e-{"9" * 20}}}', "exponent in it is too long"),
    "5,000 digits": (f'{{"a": {"9" * 5000}}}', "too long"),
    "minus 5,000 digits": (f'{{"a": -{"9" * 5000}}}', "too long"),
    "same key": ('{"a": 1, "a": 1}', "key twice"),
    "same key with other values between": ('{"a": 1, "b": 2, "a": null}', "key twice"),
    "same key, empty": ('{"": 1, "": 1}', "key twice"),
    "same key in an object": ('{"x": {"a": 1, "a": 2}}', "key twice"),
    "same key in an array": ('{"x": [{"y": [{"a": 1, "a": 2}]}]}', "key twice"),
    "same key, one escaped": (r'{"a": 1, "\u0061": 2}', "key twice"),
    "same key, composed and not": (f'{{"{COMPOSED}": 1, "{DECOMPOSED}": 2}}', "key twice"),
    "same key, not and composed": (f'{{"{DECOMPOSED}": 2, "{COMPOSED}": 1}}', "key twice"),
    "same key, deep and decomposed": (f'[{{"x": {{"\u00e9": 1, "e{ACUTE}": 2}}}}]', "key twice"),
    "same key, escaped and decomposed": (r'{"\u00e9": 1, "e\u0301": 2}', "key twice"),
    "same key, singleton (Angstrom)": (r'{"\u212b": 1, "\u00c5": 2}', "key twice"),
    "high surrogate": (r'{"a": "\ud800"}', "lone surrogate"),
    "low surrogate": (r'{"a": "x\udc00y"}', "lone surrogate"),
    "surrogates in the wrong order": (r'{"a": "\udc00\ud800"}', "lone surrogate"),
    "surrogate in a key": (r'{"\ud800": 1}', "lone surrogate"),
    "surrogate deep in a key": (r'{"a": [{"b": {"\udfff": 1}}]}', "lone surrogate"),
    "surrogate in an array": (r'["a", "\ud83d"]', "lone surrogate"),
    "one array too many": ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "too deep"),
    "one object too many": ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), "too deep"),
    "20,000 arrays": ("[" * 20_000 + "]" * 20_000, "too deep"),
    "20,000 arrays, unclosed": ("[" * 20_000, "too deep"),
    "20,000 objects": ('{"a":' * 20_000 + "1" + "}" * 20_000, "too deep"),
    "20,000 of both in a field": ('{"a":' + '[{"a":' * 10_000 + "1" + "}]" * 10_000, "too deep"),
}


@pytest.mark.parametrize("text", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(MalformedBodyError):
        parse_json(text)


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_only_python_takes_for_json_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        parse_json(text)
    assert reason in caught.value.detail


def test_the_place_of_a_fault_is_told() -> None:
    with pytest.raises(MalformedBodyError, match="line 2 column 3"):
        parse_json('{\n  a: "b"}')


@pytest.mark.parametrize("text", ['"SECRET" x', '{"SECRET": SECRET}', '{"SECRET":1,"SECRET":2}'])
def test_a_refusal_repeats_nothing_of_the_body(text: str) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        parse_json(text)
    assert "SECRET" not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (
            ' \n{"a": [1, -0.5, 1e2, true, false, null]} ',
            {"a": [1, -0.5, 100.0, True, False, None]},
        ),
        ('{"a": {"a": {"a": 1}}, "b": {"a": 1}}', {"a": {"a": {"a": 1}}, "b": {"a": 1}}),
        ('{"a": 1, "A": 2}', {"a": 1, "A": 2}),
        (r'{"a": "\ud83d\ude00"}', {"a": "\N{GRINNING FACE}"}),
        ('"\\u0000\\u202e"', "\0\N{RIGHT-TO-LEFT OVERRIDE}"),
        ('{"a": 1e-999}', {"a": 0.0}),
        (f'{{"a": {"9" * 400}}}', {"a": int("9" * 400)}),
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)),
    ],
)
def test_json_is_read_as_it_says(text: str, value: Any) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(("text", "value"), [("[]", []), ("null", None), ("1", 1), ('"a"', "a")])
def test_a_body_that_is_no_object_is_json_all_the_same(text: str, value: Any) -> None:
    assert parse_json(text) == value


def test_a_number_without_a_fraction_is_whole_as_in_json_schema() -> None:
    parsed = parse_json("[1, 1.0, 1e0, 1.5, -0, true]")
    assert [type(item) for item in parsed] == [int, int, int, float, int, bool]


def test_texts_and_keys_are_normalized_wherever_they_are() -> None:
    parsed = parse_json(json.dumps({DECOMPOSED: [DECOMPOSED, {"a": {DECOMPOSED: DECOMPOSED}}]}))
    assert parsed == {COMPOSED: [COMPOSED, {"a": {COMPOSED: COMPOSED}}]}


@pytest.mark.slow
@repeatable
@given(st.text('{}[]":,0123456789eE.+-\\uandfsl \n') | st.text().map(json.dumps))
def test_any_text_is_either_read_as_json_or_refused(text: str) -> None:
    try:
        value = parse_json(text)
    except MalformedBodyError:
        return
    assert value == json.loads(normalize("NFC", text) if text[:1] == '"' else text)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda children: (
        st.lists(children) | st.dictionaries(_TEXT.map(lambda k: normalize("NFC", k)), children)
    ),
)


def _all_normalized(value: Any) -> bool:
    if isinstance(value, str):
        return is_normalized("NFC", value)
    if isinstance(value, list):
        return all(map(_all_normalized, value))
    if isinstance(value, dict):
        return all(map(_all_normalized, [*value, *value.values()]))
    return True


@pytest.mark.slow
@repeatable
@given(_VALUES)
def test_every_json_value_is_read_back_in_normal_form(value: Any) -> None:
    parsed = parse_json(json.dumps(value))
    assert _all_normalized(parsed)
    assert parsed == json.loads(normalize("NFC", json.dumps(value, ensure_ascii=False)))
