"""Generated clients: linters accept the document; three clients type-check and play a session."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.data_folder import ROOT
from local.gateway.openapi_document import OUTPUT
from tests.support.stage_process import StageProcess

pytest_plugins = ["tests.laptop.conftest"]

SOURCES = Path(__file__).parent
PYTHON = ROOT / ".venv-clients" / "bin"


CAPITALS = {"France": "Paris", "Peru": "Lima", "Ghana": "Accra"}


@pytest.fixture(scope="session")
def bank(stage: StageProcess) -> StageProcess:
    """The shared stage with three single-choice questions: the players go by elimination."""
    questions = [
        {
            "category": "capitals",
            "text": f"Capital of {country}?",
            "answers": [
                {"text": city, "correct": city == right} for city in sorted(CAPITALS.values())
            ],
        }
        for country, right in CAPITALS.items()
    ]
    with stage.client(stage.token("eve", "admin")) as client:
        saved = client.post("/admin/questions", json={"questions": questions})
    assert {each["status"] for each in saved.json()["results"]} == {"CREATED"}
    return stage


@pytest.fixture(scope="session")
def build() -> Path:
    """A folder with the players, into which clients are generated."""
    folder = ROOT / "build" / "clients"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for pattern in ("play_*", "*sign_in*", "*.json", "*.config.js", ".spectral.yaml"):
        for source in SOURCES.glob(pattern):
            shutil.copy(source, folder)
    (folder / "node_modules").symlink_to(SOURCES / "node_modules")
    return folder


def run(build: Path, *command: object) -> str:
    """Run a program in the build folder; return its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=build,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def node(build: Path, tool: str, *arguments: object) -> str:
    """Run a Node tool that package.json pins."""
    return run(build, SOURCES / "node_modules" / ".bin" / tool, *arguments)


def test_spectral_finds_nothing(build: Path) -> None:
    text = node(build, "spectral", "lint", "--fail-severity", "hint", OUTPUT)
    assert "No results" in text


def test_redocly_finds_nothing(build: Path) -> None:
    text = node(build, "redocly", "lint", "--extends", "recommended", OUTPUT)
    assert "warning" not in text.lower()


def played(text: str) -> None:
    assert "completed after" in text


def test_openapi_python_client_plays_a_session(build: Path, bank: StageProcess) -> None:
    generator = PYTHON / "openapi-python-client"
    text = run(build, generator, "generate", "--path", OUTPUT, "--output-path", "python")
    assert "warning" not in text.lower()
    player = build / "python" / "play_python.py"
    shutil.move(build / "play_python.py", player)
    run(build / "python", PYTHON / "mypy", "--strict", "adaptive_quiz_client", player)
    played(run(build / "python", PYTHON / "python", player, bank.url, bank.token("python")))


def test_a_program_signs_in_on_a_page_by_pkce(build: Path) -> None:
    files = ("sign_in_page.py", "try_sign_in_page.py")
    run(build, PYTHON / "mypy", "--strict", *files)
    assert run(build, PYTHON / "python", "-W", "error", files[1]) == "signed in\n"


def test_two_typescript_clients_play_a_session(build: Path, bank: StageProcess) -> None:
    (build / "generated").mkdir()
    node(build, "openapi-typescript", OUTPUT, "-o", "generated/schema.d.ts")
    node(build, "openapi-ts")
    node(build, "tsc", "--project", ".")
    for player in ("play_fetch.ts", "play_hey.ts"):
        played(run(build, "node", player, bank.url, bank.token(player.split(".")[0])))
