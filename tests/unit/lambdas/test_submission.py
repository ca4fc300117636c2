"""A sound answer is taken without pydantic; nothing that pydantic refuses or reads otherwise is."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdas.answer.submission import Submission, read_submission, recognized
from lambdas.contract.bodies.answer import SubmitAnswer
from lambdas.contract.errors import ValidationError
from lambdas.shared.http.json_body import parse_json
from lambdas.shared.http.request import checked

SOUND: dict[str, Any] = {
    "questionId": "geography:000123",
    "turn": 7,
    "selectedAnswers": ["k3f", "p0x"],
    "timeSpent": 12.5,
}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 90_000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1, 86_401)
    | st.text(max_size=4)
)
CHOICES = st.text("0az_A\n", max_size=3) | st.from_regex(r"\A[0-9a-z]{31,33}\Z") | SCALARS
QUESTION_IDS = (
    st.from_regex(r"\A[a-z0-9-]{0,2}:?[0-9]{5,10}\n?\Z")
    | st.from_regex(r"\A[a-z]{47,49}:[0-9]{6}\Z")
    | st.just("\N{ARABIC-INDIC DIGIT ONE}" * 6)
    | SCALARS
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "questionId": st.just("geography:000123") | QUESTION_IDS,
        "turn": SCALARS,
        "selectedAnswers": st.lists(CHOICES, max_size=12) | SCALARS,
        "timeSpent": SCALARS,
        "question_id": SCALARS,
        "extra": SCALARS,
    },
)


def modelled(value: Any) -> Submission | None:
    """The model's result for a value."""
    try:
        body = checked(SubmitAnswer, value)
    except ValidationError:
        return None
    return Submission(body.question_id, body.turn, body.selected_answers, body.time_spent)


@given(BODIES | SCALARS | st.lists(SCALARS, max_size=2))
@example(SOUND)
@example({**SOUND, "turn": True})
@example({**SOUND, "timeSpent": True})
@example({**SOUND, "questionId": "geography:000123\n"})
@example({**SOUND, "selectedAnswers": ["k3f\n"]})
def test_what_is_recognized_the_model_accepts_as_the_same(value: Any) -> None:
    value = parse_json(json.dumps(value))
    found = recognized(value)
    if found is not None:
        expected = modelled(value)
        assert expected is not None
        assert found == expected
        assert type(found.time_spent) is type(expected.time_spent)


@given(
    st.fixed_dictionaries(
        {
            "questionId": st.from_regex(r"\A[a-z0-9-]{1,48}:[0-9]{6,9}\Z"),
            "selectedAnswers": st.lists(
                st.from_regex(r"\A[0-9a-z]{1,32}\Z"), min_size=1, max_size=10, unique=True
            ),
        },
        optional={
            "turn": st.none() | st.integers(1, 10**12),
            "timeSpent": st.integers(0, 86_400) | st.floats(0, 86_400),
        },
    )
)
def test_every_sound_body_is_recognized(value: Any) -> None:
    assert recognized(value) == modelled(value) is not None


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"turn": 0, "timeSpent": -0.1, "x": 1}, {"turn", "timeSpent", "x"}),
        ({"questionId": "?", "selectedAnswers": ["A", "k3f", "k3f"]}, None),
        ({"selectedAnswers": ["k3f", "k3f"]}, {"selectedAnswers"}),
    ],
)
def test_what_is_not_recognized_is_refused_in_the_models_words(
    wrong: dict[str, Any], fields: set[str] | None
) -> None:
    body = {**SOUND, **wrong}
    with pytest.raises(ValidationError) as caught:
        read_submission(body)
    with pytest.raises(ValidationError) as expected:
        checked(SubmitAnswer, body)
    assert caught.value.faults == expected.value.faults
    assert fields is None or {fault.field for fault in caught.value.faults} == fields


def test_a_body_that_only_the_model_knows_to_be_sound_is_taken() -> None:

    body = {**SOUND, "timeSpent": type("Seconds", (float,), {})(1.5)}
    assert recognized(body) is None
    assert read_submission(body).time_spent == 1.5


def test_a_sound_body_is_taken_without_loading_pydantic() -> None:
    program = (
        "import sys; from lambdas.answer.submission import read_submission\n"
        f"assert read_submission({SOUND!r}).turn == 7\n"
        "assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
