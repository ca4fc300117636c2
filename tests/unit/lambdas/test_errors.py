"""Errors of the responses, and responses in the gateway's form."""

import json
from typing import Any

import pytest

from lambdas.contract import errors, responses
from lambdas.contract.errors import MAX_FAULTS, ApiError, FieldCode, FieldFault
from lambdas.shared.http.response import Response, problem, proxy_response

EVERY: list[tuple[ApiError, int, str, str]] = [
    (errors.MalformedBodyError("d"), 400, "MALFORMED_BODY", "Bad Request"),
    (errors.UnauthorizedError("d"), 401, "UNAUTHORIZED", "Unauthorized"),
    (errors.ForbiddenError("d"), 403, "FORBIDDEN", "Forbidden"),
    (errors.MfaRequiredError("d"), 403, "MFA_REQUIRED", "Forbidden"),
    (errors.NotFoundError(), 404, "NOT_FOUND", "Not Found"),
    (errors.VersionConflictError("d"), 409, "VERSION_CONFLICT", "Conflict"),
    (errors.TurnMismatchError("d"), 409, "TURN_MISMATCH", "Conflict"),
    (errors.QuestionChangedError("d"), 409, "QUESTION_CHANGED", "Conflict"),
    (errors.SessionPausedError(), 409, "SESSION_PAUSED", "Conflict"),
    (errors.SessionOverError("d"), 409, "SESSION_OVER", "Conflict"),
    (errors.SessionExpiredError(), 410, "SESSION_EXPIRED", "Gone"),
    (errors.ImportOverError("d"), 409, "IMPORT_OVER", "Conflict"),
    (errors.ImportExpiredError(), 410, "IMPORT_EXPIRED", "Gone"),
    (errors.BodyTooLargeError("d"), 413, "BODY_TOO_LARGE", "Content Too Large"),
    (errors.ValidationError([]), 422, "VALIDATION_ERROR", "Unprocessable Content"),
    (errors.IdempotencyKeyReusedError(), 422, "IDEMPOTENCY_KEY_REUSED", "Unprocessable Content"),
    (errors.SessionLimitError("d"), 429, "SESSION_LIMIT", "Too Many Requests"),
    (errors.UnavailableError("d"), 503, "UNAVAILABLE", "Service Unavailable"),
    (errors.InternalError(), 500, "INTERNAL_ERROR", "Internal Server Error"),
]


def test_a_401_names_how_to_authenticate_and_no_other_error_does() -> None:
    every = [*(error for error, *_ in EVERY), errors.AccountErasedError()]
    told = {type(error): problem(error, "r").headers.get("WWW-Authenticate") for error in every}
    assert told == {
        each: "Bearer" if issubclass(each, errors.UnauthorizedError) else None for each in told
    }


def test_every_error_is_known_here() -> None:
    assert {type(error) for error, *_ in EVERY} == set(ApiError.__subclasses__())


def test_no_two_errors_share_a_code() -> None:
    assert len({code for _, _, code, _ in EVERY}) == len(EVERY)


@pytest.mark.parametrize(("error", "status", "code", "title"), EVERY)
def test_an_error_is_a_problem_document_of_the_contract(
    error: ApiError, status: int, code: str, title: str
) -> None:
    rendered = problem(error, "request-1")
    assert rendered.body == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": error.detail,
        "requestId": "request-1",
    }
    assert set(rendered.body) == responses.Problem.__required_keys__
    assert error.detail
    assert rendered.status == status
    assert rendered.headers["Content-Type"] == "application/problem+json"


def test_faults_are_listed_by_field_in_order() -> None:
    faults = [
        FieldFault("sources.0.category", FieldCode.UNKNOWN_CATEGORY, "It is unknown."),
        FieldFault("name", FieldCode.TOO_LONG, "It is too long."),
    ]
    body = problem(errors.ValidationError(faults), "r").body
    assert body is not None
    assert body["errors"] == [
        {"field": "sources.0.category", "code": "UNKNOWN_CATEGORY", "message": "It is unknown."},
        {"field": "name", "code": "TOO_LONG", "message": "It is too long."},
    ]


@pytest.mark.parametrize(("count", "detail"), [(1, "1 field is wrong"), (2, "2 fields are wrong")])
def test_the_detail_counts_the_faults(count: int, detail: str) -> None:
    assert (
        errors.ValidationError([FieldFault("a", FieldCode.REQUIRED, "b")] * count).detail == detail
    )


def test_more_faults_than_a_response_can_hold_are_counted_but_not_all_named() -> None:
    error = errors.ValidationError(
        FieldFault(f"tags.{n}", FieldCode.REQUIRED, "b") for n in range(100_000)
    )
    assert error.detail.startswith("100000 fields are wrong")
    assert [fault.field for fault in error.faults] == [f"tags.{n}" for n in range(MAX_FAULTS)]


def test_members_of_an_error_stand_beside_its_own() -> None:
    error = errors.TurnMismatchError("d", members={"question": None})
    body = problem(error, "r").body
    assert body is not None
    assert body["question"] is None
    assert body["code"] == "TURN_MISMATCH"


@pytest.mark.parametrize("seconds", [1, 10])
def test_unavailable_says_when_to_try_again(seconds: int) -> None:
    rendered = problem(errors.UnavailableError("d", retry_after=seconds), "r")
    assert rendered.headers["Retry-After"] == str(seconds)


def test_a_session_limit_names_a_time_to_retry_only_if_there_is_one() -> None:
    assert "Retry-After" not in problem(errors.SessionLimitError("d"), "r").headers
    rendered = problem(errors.SessionLimitError("d", retry_after=60), "r")
    assert rendered.headers["Retry-After"] == "60"


def test_not_found_says_the_same_whatever_was_looked_for() -> None:
    assert vars(errors.NotFoundError()) == vars(errors.NotFoundError())


def rendered(response: Response) -> dict[str, Any]:
    return proxy_response(response, "request-1")


def test_a_response_is_compact_json_for_the_caller_alone() -> None:
    result = rendered(Response(200, {"status": "ok", "count": 1}))
    assert result["statusCode"] == 200
    assert result["body"] == '{"status":"ok","count":1}'
    assert result["headers"] == {
        "X-Request-Id": "request-1",
        "Cache-Control": "no-store",
        "Content-Type": "application/json",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
    }


def test_a_response_without_a_body_has_none_and_no_type_of_it() -> None:
    result = rendered(Response(204))
    assert (result["statusCode"], result["body"]) == (204, "")
    assert "Content-Type" not in result["headers"]
    assert result["headers"]["X-Request-Id"] == "request-1"


def test_an_empty_body_is_an_object_all_the_same() -> None:
    assert rendered(Response(200, {}))["body"] == "{}"


def test_headers_of_a_response_are_kept() -> None:
    result = rendered(Response(201, {}, {"Location": "/sessions/1"}))
    assert result["headers"]["Location"] == "/sessions/1"
    assert result["headers"]["X-Request-Id"] == "request-1"


def test_text_of_any_script_is_sent_as_it_is() -> None:
    texts = {"a": 'é\N{BRAIN}\N{RIGHT-TO-LEFT MARK}\0\n"\\</script>'}
    body = rendered(Response(200, texts))["body"]
    assert json.loads(body) == texts
    assert "\N{BRAIN}" in body
    assert "\n" not in body
