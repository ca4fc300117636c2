"""Files and tokens that the stage serves for the play page."""

import re
from urllib.parse import urlsplit

import pytest

from local.gateway.play_page import MAX_NAME
from tests.support.stage_process import StageProcess

PATH = "/play/token"


def test_the_page_loads_nothing_from_elsewhere(stage: StageProcess) -> None:
    with stage.client() as client:
        pending, seen = ["/"], set()
        while pending:
            address = pending.pop()
            if address in seen:
                continue
            seen.add(address)
            found = client.get(address)
            assert found.status_code == 200, address
            if not address.startswith("/play/lib/"):
                names = r'(?:src|href)="(/play[^"]+)"|(?:from|import\() ?"(/play[^"]+)"'
                pending += [a or b for a, b in re.findall(names, found.text)]
        policy = client.get("/").headers["Content-Security-Policy"]
    assert {"/play/main.js", "/play/lib/temml.mjs", "/play/lib/lit-html/lit-html.js"} <= seen
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_token_of_the_page_is_a_learners(stage: StageProcess) -> None:
    with stage.client() as client:
        issued = client.post(PATH, json={"name": " ada "}, headers={"Origin": stage.url})
        assert issued.status_code == 200
        assert "access-control-allow-origin" not in issued.headers
        bearer = {"Authorization": f"Bearer {issued.json()['token']}"}
        profile = client.get("/users/me", headers=bearer).json()
        assert client.get("/admin/questions", headers=bearer).status_code == 403
    with stage.client(stage.token("ada")) as client:
        assert client.get("/users/me").json()["userId"] == profile["userId"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://evil.example", "Host": "evil.example"},
        {"Origin": "http://127.0.0.1"},
    ],
    ids=["no origin", "another origin", "a sandboxed page", "a rebound name", "another port"],
)
def test_no_other_page_gets_a_token(stage: StageProcess, headers: dict[str, str]) -> None:
    with stage.client() as client:
        refused = client.post(PATH, json={"name": "ada"}, headers=headers)
        assert refused.status_code == 403
        assert "token" not in refused.json()


def test_the_page_may_be_opened_as_localhost(stage: StageProcess) -> None:
    host = f"localhost:{urlsplit(stage.url).port}"
    headers = {"Origin": f"http://{host}", "Host": host}
    with stage.client() as client:
        assert client.post(PATH, json={"name": "ada"}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"name": ""}',
        b'{"name": 1}',
        b'{"name": "a\\u0000"}',
        b"\xff",
        b"0" * 2000,
        b'{"name": "%s"}' % (b"a" * (MAX_NAME + 1)),
    ],
)
def test_a_name_that_is_none_is_refused(stage: StageProcess, body: bytes) -> None:
    with stage.client() as client:
        refused = client.post(PATH, content=body, headers={"Origin": stage.url})
    assert refused.status_code == 422


def test_the_teachers_report_is_shown_once_there_is_one(stage: StageProcess) -> None:
    file = stage.data.report("local")
    with stage.client() as client:
        assert "make report" in client.get("/report").text
        file.write_text("<h1>The report</h1>")
        try:
            assert client.get("/report").text == "<h1>The report</h1>"
        finally:
            file.unlink()
