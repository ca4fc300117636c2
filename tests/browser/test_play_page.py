"""The play page in a real Chromium, on a running stage."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Dialog, Page, Route, expect

from tests.browser.conftest import Begin, press_choice, right_answer, sign_in

PICTURES = Path("build/browser")


def answer_right(page: Page) -> None:
    press_choice(page, right_answer(page))
    page.keyboard.press("Enter")
    page.locator("#next").wait_for()


def play_to_the_end(page: Page) -> None:
    summary = page.locator("#summary")
    while True:
        answer_right(page)
        last = page.get_by_role("button", name="See the summary").count()
        page.keyboard.press("Enter")
        if last:
            return summary.wait_for()
        page.get_by_role("button", name="Answer").wait_for()


def test_a_session_is_played_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.type("Keyboard only")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="New session").wait_for()
    boxes = page.get_by_role("checkbox").all()
    for box in boxes:
        if box.is_checked() is not (box.get_attribute("value") == "capitals"):
            box.focus()
            page.keyboard.press("Space")
    page.get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    page.locator("#question").wait_for()

    missed = page.locator("#question").inner_text()
    press_choice(page, right_answer(page), other=True)
    page.keyboard.press("Enter")
    expect(page.locator(".verdict.wrong")).to_contain_text("Incorrect")
    expect(page.locator(".owed summary")).to_have_text("(+1 Question @ 2 Tries)")
    expect(page.locator("#question")).to_have_text(missed)
    expect(page.locator("#question")).to_be_focused()
    assert page.locator("[name=choice]:checked").count() == 0

    play_to_the_end(page)
    expect(page.locator("h1")).to_have_text("Done")
    expect(page.locator(".missed")).to_contain_text(missed)


def test_enter_without_a_choice_sends_nothing(page: Page, begin: Begin) -> None:
    begin("capitals")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Answer").click()
    assert sent == []


def test_the_verdict_is_announced_with_the_explanation(page: Page, begin: Begin) -> None:
    begin("capitals")
    while right_answer(page) != "Paris":
        answer_right(page)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Answer").wait_for()
    answer_right(page)
    expect(page.locator("#verdict")).to_contain_text("Correct")
    expect(page.locator(".explanation em")).to_have_text("Seine")
    expect(page.locator(".choice.correct")).to_contain_text("Paris")


def fail_once(page: Page, path: str, fail: Callable[[Route], object]) -> list[str]:
    """Let the first request to a path fail; return the paths that failed, as they do."""
    failed: list[str] = []

    def meet(route: Route) -> None:
        if failed:
            return route.fallback()
        failed.append(route.request.url)
        fail(route)
        return None

    page.route(path, meet)
    return failed


def refuse(status: int) -> Callable[[Route], object]:
    body = '{"title": "x", "status": 0, "code": "X", "detail": "Injected."}'
    return lambda route: route.fulfill(
        status=status, content_type="application/problem+json", body=body
    )


def lose_the_response(route: Route) -> None:
    route.fetch()  # the stage processes the request
    route.abort()


@pytest.mark.parametrize(
    "fail",
    [refuse(503), refuse(429), refuse(401), lose_the_response, lambda route: route.abort()],
    ids=["503", "429", "expired token", "lost response", "no connection"],
)
def test_an_answer_survives_a_failure_and_counts_once(
    page: Page, begin: Begin, fail: Callable[[Route], object]
) -> None:
    begin("capitals")
    failed = fail_once(page, "**/answer", fail)
    answer_right(page)
    assert len(failed) == 1
    page.keyboard.press("Enter")
    play_to_the_end(page)
    expect(page.locator(".figures")).to_contain_text("Answers2")


def test_without_a_connection_the_page_says_so_until_it_is_back(page: Page, begin: Begin) -> None:
    begin("capitals")
    page.context.set_offline(True)
    press_choice(page, right_answer(page))
    page.keyboard.press("Enter")
    expect(page.locator("#connection")).to_contain_text("Nothing is lost")
    page.context.set_offline(False)
    page.locator("#next").wait_for()
    expect(page.locator("#connection")).to_be_empty()


def test_a_reload_shows_the_same_question(page: Page, begin: Begin) -> None:
    begin("capitals")
    shown = page.locator("form").inner_text()
    page.reload()
    page.locator("#question").wait_for()
    assert page.locator("form").inner_text() == shown


def test_a_second_tab_takes_over_and_the_first_follows(
    page: Page, begin: Begin, context: BrowserContext
) -> None:
    begin("capitals")
    other = context.new_page()
    other.goto(page.url)
    other.locator("#question").wait_for()
    press_choice(other, right_answer(other))
    other.keyboard.press("Enter")
    other.locator("#next").wait_for()

    press_choice(page, right_answer(page), other=True)
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("went on elsewhere")
    play_to_the_end(page)
    expect(page.locator(".figures")).to_contain_text("Answers2")


def test_a_paused_session_is_found_again_and_goes_on(page: Page, begin: Begin) -> None:
    begin("capitals")
    shown = page.locator("#question").inner_text()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("link", name="Back to the start").click()
    page.get_by_role("link", name="Capitals").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#question")).to_have_text(shown)


def test_mistakes_of_an_ended_session_are_reviewed(page: Page, begin: Begin) -> None:
    begin("capitals")
    press_choice(page, right_answer(page), other=True)
    page.keyboard.press("Enter")
    page.locator(".verdict.wrong").wait_for()
    answer_right(page)
    page.keyboard.press("Enter")
    page.on("dialog", Dialog.accept)
    page.get_by_role("button", name="End session").click()
    page.locator("#summary").wait_for()
    page.get_by_role("link", name="Play again").click()
    page.get_by_role("button", name="Review my mistakes").click()
    page.locator("#question").wait_for()
    expect(page.locator(".owed summary")).to_have_text("(+1 Question @ 2 Tries)")
    play_to_the_end(page)


def test_hostile_texts_are_shown_and_do_nothing(page: Page, begin: Begin) -> None:
    begin("hostile")
    expect(page.locator("#question")).to_contain_text("END")
    press_choice(page, "", other=True)
    page.keyboard.press("Enter")
    page.locator(".verdict").wait_for()
    assert page.title() == "Adaptive quiz"
    assert page.locator("main :is(img, script, style, svg, form form, [onload])").count() == 0
    assert page.locator("main a[href^=javascript]").count() == 0


def test_formulas_are_typeset_and_amounts_of_money_are_not(page: Page, begin: Begin) -> None:
    begin("formulas")
    page.locator("#question mfrac").wait_for()
    expect(page.locator("#question")).to_contain_text("than $5 and $6?")
    expect(page.locator(".choice code")).to_have_text("$a$")


def test_text_from_right_to_left_has_its_direction(page: Page, begin: Begin) -> None:
    begin("arabic")
    direction = "node => getComputedStyle(node).direction"
    assert page.locator("#question .prose").evaluate(direction) == "rtl"
    assert page.locator(".choice .prose").first.evaluate(direction) == "rtl"


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_accessible_and_fits(
    page: Page, begin: Begin, width: int, scheme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    PICTURES.mkdir(parents=True, exist_ok=True)

    def check(view: str) -> None:
        page.screenshot(path=PICTURES / f"{view}-{width}-{scheme}.png", full_page=True)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.goto("/")
    page.get_by_label("Your name").wait_for()
    check("name")
    begin("capitals")
    check("question")
    missed = right_answer(page)
    press_choice(page, missed, other=True)
    page.keyboard.press("Enter")
    page.locator(".verdict.wrong").wait_for()
    check("wrong")
    answer_right(page)
    check("right")
    page.get_by_role("link", name="Adaptive quiz").click()
    page.get_by_role("heading", name="Go on with").wait_for()
    check("start")
    page.get_by_role("link", name="Capitals").click()
    page.locator("#question").wait_for()
    play_to_the_end(page)
    check("summary")


def test_a_changed_name_is_another_learner(page: Page, begin: Begin) -> None:
    begin("capitals")
    page.get_by_role("link", name="Adaptive quiz").click()
    page.get_by_role("button", name="Change name").click()
    sign_in(page, "Somebody else")
    expect(page.get_by_role("heading", name="Go on with")).to_have_count(0)
