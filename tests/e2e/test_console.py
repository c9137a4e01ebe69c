"""The console in a real Chromium: what a person sees, and what happens when they press a button."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from scalein_cli.local import local_cloud
from tests.support.clouds import group, instances
from tests.support.needs import skip_without

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = os.environ.get("SCREENSHOTS")  # a folder: they are kept there
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        skip_without("chromium", "sh tools/install_server.sh chromium")
    with sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    """Whatever the page complains about fails the test."""
    context = browser.new_context(
        color_scheme=request.param, viewport={"width": 1360, "height": 1000}
    )
    made = context.new_page()
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    yield made
    context.close()
    assert complaints == []


@contextmanager
def console(page: Any, fleet: Path = ROOT / "localcloud/fleets/small.json") -> Iterator[None]:
    """The page is left before the cloud ends: that its stream breaks off is no complaint."""
    with local_cloud(fleet) as ready:
        page.goto(f"http://{ready['endpoint']}/")
        yield
        page.goto("about:blank")


def shot(page: Any, name: str) -> None:
    if SCREENSHOTS:
        scheme = (
            "dark"
            if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
            else "light"
        )
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}-{scheme}.png")


def test_an_event_is_fired_and_what_comes_of_it_is_seen(page: Any) -> None:
    with console(page):
        web = page.get_by_role("article", name="Scaling group asg-web")
        web.get_by_text("capacity 8 · MinSize 4").wait_for()
        page.get_by_role("searchbox", name="Find").fill("remove-two")
        page.get_by_role("button", name="remove-two", exact=True).click()

        fired = page.locator("#fired")
        fired.get_by_text("removing").wait_for()
        assert "i-web-01, i-web-02" in fired.inner_text()
        fired.get_by_text(re.compile("[0-9]+ reasons")).click()
        fired.get_by_text("i-web-06 retained: protected").wait_for()
        web.get_by_text("capacity 6 · MinSize 4").wait_for()  # live, without a reload
        page.locator("#decisions .card").filter(has_text="removing").wait_for()
        page.locator("#activities").get_by_text("Successful").wait_for()
        shot(page, "console")


def test_the_clock_can_be_put_forward(page: Any) -> None:
    with console(page):
        web = page.get_by_role("article", name="Scaling group asg-web")
        web.get_by_text("1 Pending").wait_for()
        page.get_by_role("button", name="1 hour").click()

        web.get_by_text("1 Pending").wait_for(state="detached")


def test_a_thousand_instances_are_drawn_and_listed_on_demand(page: Any, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    members = [*instances(500, "h"), *instances(500, "i", zoneId="cn-hangzhou-i")]
    fleet.write_text(json.dumps({"groups": [group(*members)]}))
    with console(page, fleet):
        page.get_by_text("cn-hangzhou-i: 500 InService").wait_for()
        assert page.locator(".boxes i").count() == 1_000
        assert page.locator(".group tbody tr").count() == 0
        page.get_by_text("1000 instances as a table").click()
        page.get_by_role("cell", name="i-0500", exact=True).wait_for()
        shot(page, "console-thousand")


def test_everything_is_reached_by_keyboard_and_named_for_a_screen_reader(page: Any) -> None:
    with console(page):
        page.get_by_role("article", name="Scaling group asg-web").wait_for()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the scaling groups"
        page.get_by_role("searchbox", name="Find").focus()
        page.keyboard.type("remove-two")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("status").get_by_text("removing").wait_for()
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, input, [role=img]')].filter((one) => "
            "!(one.textContent.trim() || one.getAttribute('aria-label') "
            "|| one.labels?.length)).length"
        )
        assert nameless == 0
        assert page.locator("html[lang=en] main h2").count() == 5


def test_text_is_readable_in_both_schemes(page: Any) -> None:
    """WCAG AA: 4.5 to 1, for ink and for quiet text."""
    with console(page):
        page.locator(".group").first.wait_for()
        for selector in ("h2", ".numbers", "figcaption", "summary", "button"):
            ink, ground = page.evaluate(
                """(selector) => {
                    const colour = (text) => text.match(/[0-9.]+/g).map(Number);
                    const one = document.querySelector(selector);
                    let at = one;
                    while (colour(getComputedStyle(at).backgroundColor)[3] === 0)
                        at = at.parentElement;
                    return [getComputedStyle(one).color, getComputedStyle(at).backgroundColor]
                        .map(colour);
                }""",
                selector,
            )
            assert contrast(ink, ground) >= 4.5, selector


def contrast(one: list[float], other: list[float]) -> float:
    def luminance(colour: list[float]) -> float:
        parts = [c / 255 for c in colour[:3]]
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)
