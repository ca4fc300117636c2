"""The pages beside the API."""

import re

import pytest

from lambdas.contract.routes import ROUTES
from tests.support.stage_process import StageProcess


def test_the_page_and_all_it_loads_come_from_the_stage(stage: StageProcess) -> None:
    with stage.client() as client:
        page = client.get("/docs")
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        loaded = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', page.text)
        assert len(loaded) == 4
        for address in loaded:
            assert address.startswith("/docs/")
            assert client.get(address).status_code == 200
        assert "https://" not in page.text + client.get("/docs/start.js").text


def test_the_page_explains_how_to_get_a_token_and_lists_play_first(stage: StageProcess) -> None:
    with stage.client() as client:
        assert "make token USER=ada" in client.get("/docs").text
        assert client.get("/openapi.json").json()["tags"][0]["name"] == "play"


def test_the_page_may_load_nothing_from_elsewhere(stage: StageProcess) -> None:
    with stage.client() as client:
        policy = client.get("/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy


@pytest.mark.parametrize("name", ["package.json", "../package.json", "index.html"])
def test_no_other_file_is_served(stage: StageProcess, name: str) -> None:
    with stage.client() as client:
        assert client.get(f"/docs/{name}").status_code == 404


def test_the_document_tells_every_route(stage: StageProcess) -> None:
    with stage.client() as client:
        document = client.get("/openapi.json").json()
    told = {
        operation["operationId"]
        for path in document["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    }
    assert told == {route.operation for route in ROUTES}
