"""A stage with a small bank of known answers, and Chromium on its page."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from local.data_folder import ROOT
from tests.support.stage_process import StageProcess

pytest_plugins = ["tests.laptop.conftest"]

_INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FROM_NPM = (
    "import('@sparticuz/chromium').then(async m => console.log(await m.default.executablePath()))"
)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]

RECORD_VIOLATIONS = """
  window.violations = [];
  addEventListener("securitypolicyviolation", (e) =>
    window.violations.push(`${e.effectiveDirective} ${e.blockedURI} ${e.sample}`));
"""


def question(category: str, text: str, right: str, *wrong: str, **other: Any) -> dict[str, Any]:
    """Return a single-choice question as the bank takes it."""
    answers = [{"text": right, "correct": True}, *({"text": w, "correct": False} for w in wrong)]
    return {
        "category": category,
        "text": text,
        "type": "SINGLE_CHOICE",
        "answers": answers,
        **other,
    }


HOSTILE = (
    '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    "<style>*{display:none}</style><form action=/report><button>x</button></form>"
    '[a](javascript:document.title=1) <a href="javascript:document.title=1">b</a> '
    "$\\href{javascript:document.title=1}{c}$ <svg onload=document.title=1></svg> END"
)

BANK = [
    question(
        "capitals", "Capital of **France**?", "Paris", "Lyon", "Nice", explanation="On the *Seine*."
    ),
    question("capitals", "Capital of Peru?", "Lima", "Cusco", "Arequipa"),
    question("hostile", HOSTILE, f"yes {HOSTILE}", f"no {HOSTILE}", explanation=HOSTILE),
    question(
        "formulas", "Is $\\frac{1}{2}$ smaller than $5 and $6?", "yes, `$a$` is code", "no $x^2$"
    ),
    question("arabic", "ما هي عاصمة مصر؟", "القاهرة", "الإسكندرية", language="ar"),
]


@pytest.fixture(scope="session")
def bank_stage(stage: StageProcess) -> StageProcess:
    """The shared stage with `BANK` in it."""
    with stage.client(stage.token("eve", "admin")) as client:
        saved = client.post("/admin/questions", json={"questions": BANK})
    assert {each["status"] for each in saved.json()["results"]} == {"CREATED"}
    return stage


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_chromium(), args=_FLAGS)
        yield chromium
        chromium.close()


def _chromium() -> str:
    """Return the path of an installed Chromium, else of the one that npm installed."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _INSTALLED)), None)
    if found:
        return found
    done = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "node"), "-e", _FROM_NPM],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def context(browser: Browser, bank_stage: StageProcess) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=bank_stage.url, viewport={"width": 1200, "height": 800})
    made.set_default_timeout(30_000)
    made.add_init_script(RECORD_VIOLATIONS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page in which no script may fail and nothing may break the content security policy."""
    opened = context.new_page()
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    yield opened
    assert failures == []
    assert opened.evaluate("window.violations") == []


Begin = Callable[..., None]


@pytest.fixture
def begin(page: Page, request: pytest.FixtureRequest) -> Begin:
    """Sign in under a name of the test's own and start a session on one category."""

    def start(category: str, on: Page = page) -> None:
        sign_in(on, request.node.name)
        for box in on.get_by_role("checkbox").all():
            box.set_checked(box.get_attribute("value") == category)
        on.get_by_role("button", name="Start").click()
        on.locator("#question").wait_for()

    return start


def sign_in(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_label("Your name").fill(name[:60])
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="New session").wait_for()


def right_answer(page: Page) -> str:
    """Return the text of the right choice of the question on screen."""
    shown = page.locator("#question").inner_text()
    asked = next(each for each in BANK if each["text"].replace("**", "").startswith(shown[:12]))
    text: str = asked["answers"][0]["text"]
    return text


def press_choice(page: Page, text: str, *, other: bool = False) -> None:
    """Choose by its number key the choice of this text, or the first other one."""
    labels = page.locator("label.choice").all()
    texts = [label.locator("span").first.inner_text() for label in labels]
    place = next(n for n, each in enumerate(texts, 1) if (each == text) is not other)
    page.keyboard.press(str(place))
