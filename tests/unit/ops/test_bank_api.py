"""Calls of the importer: what is repeated, for how long, and how a refusal reads."""

from itertools import count

import httpx2
import pytest

from ops.bank.api import PATIENCE, AdministratorApi, ApiError
from ops.deploy.access import AdministratorAccess

PROBLEM = {
    "detail": "1 field is wrong.",
    "code": "VALIDATION_ERROR",
    "errors": [{"field": "part", "message": "the next part is 2"}],
}


class Answers:
    """Answers requests in turn; the last answer again and again."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []
        self.pauses: list[float] = []
        self.tokens: list[str] = []
        self._tokens = count(1)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.tokens.append(request.headers["Authorization"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def api(self) -> AdministratorApi:
        access = AdministratorAccess("http://stage", lambda: f"token {next(self._tokens)}")
        transport = httpx2.MockTransport(self)
        return AdministratorApi(access, pause=self.pauses.append, transport=transport)

    def call(self) -> object:
        with self.api() as api:
            return api.call(
                "POST", "/admin/imports", {"x": "é"}, query={"a": "b"}, headers={"K": "v"}
            )


def test_a_request_carries_everything() -> None:
    answers = Answers(httpx2.Response(201, json={"importId": "1"}))
    assert answers.call() == {"importId": "1"}
    (request,) = answers.requests
    assert str(request.url) == "http://stage/admin/imports?a=b"
    assert request.headers["K"] == "v"
    assert request.headers["Authorization"] == "Bearer token 1"
    assert request.content.decode() in ('{"x":"é"}', '{"x": "é"}')


def test_an_answer_without_content_is_none() -> None:
    assert Answers(httpx2.Response(204)).call() is None


@pytest.mark.parametrize(
    "failure",
    [
        *(httpx2.Response(status) for status in (429, 500, 502, 503, 504)),
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("slow"),
    ],
)
def test_passing_failures_are_repeated_with_longer_pauses(
    failure: httpx2.Response | Exception,
) -> None:
    answers = Answers(failure, failure, failure, httpx2.Response(200, json=[]))
    assert answers.call() == []
    assert answers.pauses == [0.5, 1.0, 2.0]


def test_the_pause_that_the_stage_asks_for_is_kept() -> None:
    answers = Answers(
        httpx2.Response(503, headers={"Retry-After": "7"}), httpx2.Response(200, json=[])
    )
    answers.call()
    assert answers.pauses == [7]


def test_patience_ends() -> None:
    answers = Answers(httpx2.ConnectError("refused"))
    with pytest.raises(ApiError, match=r"^The stage cannot be reached: refused\.$"):
        answers.call()
    assert PATIENCE - 10 < sum(answers.pauses) <= PATIENCE


def test_a_pause_beyond_patience_is_a_refusal_at_once() -> None:
    answers = Answers(
        httpx2.Response(503, headers={"Retry-After": "900"}, json={"detail": "Held."})
    )
    with pytest.raises(ApiError, match=r"answered 503: Held\.$"):
        answers.call()
    assert not answers.pauses


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        (
            httpx2.Response(422, json=PROBLEM),
            "POST /admin/imports answered 422: 1 field is wrong. part: the next part is 2",
        ),
        (httpx2.Response(403, json={}), "answered 403: the user is not an administrator"),
        (httpx2.Response(404, text="<html>"), "answered 404: <html>"),
        (httpx2.Response(400, json=[1]), r"answered 400: [1]"),
    ],
)
def test_other_failures_are_refusals(response: httpx2.Response, sentence: str) -> None:
    with pytest.raises(ApiError) as refused:
        Answers(response).call()
    assert sentence in str(refused.value)
    assert refused.value.status == response.status_code


def test_a_token_that_expired_is_replaced() -> None:
    answers = Answers(httpx2.Response(401), httpx2.Response(200, json=[]))
    assert answers.call() == []
    assert answers.tokens == ["Bearer token 1", "Bearer token 2"]


def test_a_new_token_that_is_refused_is_a_refusal() -> None:
    answers = Answers(httpx2.Response(401, json={"detail": "No."}))
    with pytest.raises(ApiError, match="answered 401"):
        answers.call()
    assert len(answers.requests) == 2
