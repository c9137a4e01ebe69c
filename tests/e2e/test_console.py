"""The console in a real Chromium: what a person sees, and what happens when they press a button."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from scalein_cli.local import local_cloud
from tests.contract.test_admin import request_json
from tests.support.clouds import group, instances
from tests.support.needs import skip_without
from tests.support.pages import CONTRASTS, LONGEST_TASK, NAMELESS, WATCH

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "localcloud/fleets/small.json"
ALARM = ROOT / "localcloud/fleets/alarm.json"  # with queues, an alert rule and a trigger
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# A folder: they are kept there; those of the README are named console and console-dark.
SCREENSHOTS = os.environ.get("SCREENSHOTS")
QUIET_MS = 2_500
MAX_TASK_MS = 5_000  # 100 to 200 where nothing else runs
VIEWS = (
    *("groups", "groups/asg-web", "activities", "decisions", "events", "alarms", "hooks"),
    *("queues", "queues/q", "functions", "log", "faults", "api"),
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        skip_without("chromium", "sh tools/install_server.sh chromium")
    with sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@contextmanager
def new_page(browser: Any, scheme: str = "light", width: int = 1440) -> Iterator[Any]:
    """Whatever the page complains about fails the test, but a refusal, which it shows."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    made = context.new_page()
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    yield made
    context.close()
    refusals = re.compile("the server responded with a status of 4")
    assert [text for text in complaints if not refusals.search(text)] == []


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with new_page(browser) as made:
        yield made


@contextmanager
def console(
    page: Any, view: str = "groups", fleet: Path = SMALL, seconds: float = 1.5
) -> Iterator[Mapping[str, str]]:
    """The page is left before the cloud ends: that its stream breaks off is no complaint."""
    with local_cloud(fleet, "--activity-seconds", str(seconds)) as ready:
        page.goto(f"http://{ready['endpoint']}/console#/{view}")
        page.get_by_text("live", exact=True).wait_for()
        yield ready
        page.goto("about:blank")


def perform(ready: Mapping[str, str], action: str, params: Mapping[str, Any]) -> Any:
    status, answer = request_json(ready, "perform", {"action": action, "params": dict(params)})
    assert status == 200, answer
    return answer


def numbered(ids: list[str]) -> dict[str, str]:
    return {f"InstanceId.{number}": id for number, id in enumerate(ids, 1)}


def row(page: Any, id: str) -> Any:
    return page.get_by_role("grid").get_by_role("row").filter(has_text=id)


def shot(page: Any, name: str) -> None:
    if SCREENSHOTS:
        page.wait_for_timeout(300)  # colours change in steps
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of a group of 2,000 instances in two zones."""
    fleet = tmp_path / "fleet.json"
    members = [*instances(1_000, "h"), *instances(1_000, "i", zoneId="cn-hangzhou-i")]
    fleet.write_text(json.dumps({"groups": [group(*members, maxSize=3_000)]}))
    return fleet


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_event_is_fired_and_what_comes_of_it_is_seen(browser: Any, scheme: str) -> None:
    with new_page(browser, scheme) as page, console(page, "events"):
        page.get_by_role("searchbox", name="Find an event").fill("remove-two")
        page.get_by_role("button", name="remove-two").click()
        page.get_by_role("button", name="Fire", exact=True).click()

        fired = page.locator("#fired")
        fired.get_by_text("removing", exact=True).wait_for()
        assert "i-web-01, i-web-02" in fired.inner_text()
        fired.get_by_text(re.compile("[0-9]+ reasons")).click()
        fired.get_by_text("retained: protected").wait_for()

        page.get_by_role("navigation").get_by_role("link", name="Scaling groups").click()
        web = page.get_by_role("link", name="Scaling group asg-web")
        web.get_by_text("4 InService, 1 Protected, 1 Pending").wait_for()  # without a reload
        page.get_by_label("Last decisions").get_by_text("removing", exact=True).wait_for()
        page.get_by_label("Last activities").get_by_text("Successful").wait_for()
        shot(page, f"console-groups-{scheme}")

        web.click()
        row(page, "i-web-06").get_by_text("retained").wait_for()
        row(page, "i-web-06").get_by_text("protected", exact=True).wait_for()
        shot(page, "console" if scheme == "light" else "console-dark")


def test_an_event_is_edited_before_it_is_fired(page: Any) -> None:
    with console(page, "events"):
        page.get_by_role("button", name="remove-two").click()
        text = page.get_by_label("The event, as it is sent")
        expect(text).to_have_value(re.compile("count"))
        text.fill('{"scalingGroupId": "asg-wbe", "remove": {"count": 1}}')
        page.get_by_role("button", name="Fire", exact=True).click()

        page.locator("#fired").get_by_text("asg-wbe").first.wait_for()
        page.locator("#fired").get_by_text("refused", exact=True).wait_for()


def test_events_are_grouped_by_sender_and_say_what_they_are(page: Any) -> None:
    with console(page, "events"):
        kafka = page.get_by_role("region", name="Kafka")
        kafka.get_by_role("button", name="kafka-batch").wait_for()
        assert "Two messages" in kafka.inner_text()
        page.get_by_role("searchbox", name="Find an event").fill("no such event")
        page.get_by_text("No event matches.").wait_for()


def test_the_clock_can_be_put_forward(page: Any) -> None:
    with console(page, "groups/asg-web"):
        page.get_by_role("button", name="Pending").wait_for()
        page.get_by_role("button", name="Put the clock forward by 1 hour").click()

        page.get_by_role("button", name="Pending").wait_for(state="detached")


def test_nothing_is_drawn_while_nothing_happens(page: Any, large: Path) -> None:
    """But the clock, and the time axis of the chart, which moves with it."""
    with console(page, "groups/asg-1", large) as ready:
        row(page, "h-0001").wait_for()
        page.wait_for_timeout(QUIET_MS)
        page.evaluate(WATCH)
        page.wait_for_timeout(QUIET_MS)
        assert page.evaluate("window.changes") == []

        perform(ready, "EnterStandby", {"ScalingGroupId": "asg-1", "InstanceId.1": "h-0003"})
        row(page, "h-0003").get_by_text("Standby").wait_for()
        changed = page.evaluate("window.changes.filter((one) => one.startsWith('row '))")
        assert set(changed) == {"row h-0003"}


def test_of_2000_instances_only_those_in_sight_are_drawn(page: Any, large: Path) -> None:
    with console(page, "groups/asg-1", large):
        page.get_by_text("2,000 instances").first.wait_for()
        grid = page.get_by_role("grid")
        assert grid.get_attribute("aria-rowcount") == "2001"
        assert 10 < grid.get_by_role("row").count() < 60
        assert page.evaluate(LONGEST_TASK) < MAX_TASK_MS

        page.evaluate("document.querySelector('.table').scrollTop = 1e9")
        row(page, "i-1000").wait_for()
        assert grid.get_by_role("row").count() < 60
        shot(page, "console-2000")


def test_the_table_keeps_its_place_sort_and_selection_while_instances_go(
    page: Any, large: Path
) -> None:
    first_in_sight = """() => {
        const table = document.querySelector('.table');
        const top = table.getBoundingClientRect().top + 32;
        const rows = [...table.querySelectorAll('.space [role=row]')];
        const seen = rows.filter((one) => one.getBoundingClientRect().bottom > top + 1);
        seen.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
        return seen[0].querySelector('.mono').textContent;
    }"""
    with console(page, "groups/asg-1", large, seconds=0.5) as ready:
        row(page, "h-0001").wait_for()
        page.get_by_role("columnheader", name="Zone").get_by_role("button").click()
        page.evaluate("document.querySelector('.table').scrollTop = 32 * 1200 + 10")
        row(page, "i-0204").get_by_role("checkbox").check()
        before = page.evaluate(first_in_sight)
        assert before.startswith("i-")

        ids = [f"h-{number:04}" for number in range(1, 21)]
        perform(ready, "RemoveInstances", {"ScalingGroupId": "asg-1", **numbered(ids)})
        page.get_by_text("1,980 instances").wait_for()

        assert page.evaluate(first_in_sight) == before
        assert page.get_by_text("1 selected").is_visible()
        zone = page.get_by_role("columnheader", name="Zone")
        assert zone.get_attribute("aria-sort") == "ascending"


def test_the_table_is_filtered_by_state_and_text(page: Any, large: Path) -> None:
    with console(page, "groups/asg-1", large) as ready:
        ids = numbered(["h-0005", "i-0005"])
        perform(ready, "EnterStandby", {"ScalingGroupId": "asg-1", **ids})
        page.get_by_role("button", name="Standby 2").click()
        page.get_by_text("2 of 2,000").wait_for()
        page.get_by_role("searchbox", name="Search instances").fill("cn-hangzhou-i")
        page.get_by_text("1 of 2,000").wait_for()
        row(page, "i-0005").wait_for()
        page.get_by_role("searchbox", name="Search instances").fill("nothing like it")
        page.get_by_text("No instance matches.").wait_for()


def test_20_of_1000_are_seen_in_the_chart_and_the_sizes_are_named(
    page: Any, tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet.json"
    fleet.write_text(json.dumps({"groups": [group(*instances(1_000), desiredCapacity=1_000)]}))
    with console(page, "groups/asg-1", fleet, seconds=0.5) as ready:
        chart = page.locator("svg.chart")
        page.get_by_text("1,000 instances").wait_for()
        ids = [f"i-{number:04}" for number in range(1, 21)]
        perform(ready, "RemoveInstances", {"ScalingGroupId": "asg-1", **numbered(ids)})
        page.get_by_text("980 instances").wait_for()
        legend = page.locator(".legend").inner_text()
        for text in ("TotalCapacity", "Desired capacity", "MinSize", "MaxSize", "980"):
            assert text in legend
        assert "MaxSize 2,000 ↑" in chart.text_content()
        box = chart.locator("path.c-total").bounding_box()
        assert box["height"] > 50  # of 186 pixels
        assert "now 980" in chart.get_attribute("aria-label")
        page.get_by_role("button", name="From 0").click()
        assert chart.locator("path.c-total").bounding_box()["height"] < 20


@pytest.mark.parametrize(
    ("totals", "sizes", "lost"),
    [
        ((1_000, 980), (0, 2_000), 0.5),
        ((4, 4, 3), (1, 12), 0.8),
        ((0, 0), (0, 0), 1.0),
        ((100_000, 99_990), (10, 200_000), 0.5),
    ],
)
def test_the_scale_holds_every_capacity_and_loses_little_room(
    page: Any, totals: tuple[int, ...], sizes: tuple[int, int], lost: float
) -> None:
    points = [
        {"total": total, "stable": total, "desired": None, "min": sizes[0], "max": sizes[1]}
        for total in totals
    ]
    with console(page):
        code = "async (points) => (await import('/console/chart.js')).scaleOf(points, true)"
        scale = page.evaluate(code, points)

    assert scale["low"] <= min(totals) <= max(totals) <= scale["high"]
    assert 1 - (max(totals) - min(totals)) / (scale["high"] - scale["low"]) <= lost
    assert (scale["high"] - scale["low"]) % scale["step"] == 0


def test_instances_are_protected_put_on_standby_and_removed(page: Any) -> None:
    with console(page, "groups/asg-web"):
        selected = page.get_by_role("group", name="Selected instances")
        row(page, "i-web-03").get_by_role("checkbox").check()
        selected.get_by_role("button", name="Protect", exact=True).click()
        row(page, "i-web-03").get_by_text("Protected").wait_for()
        selected.get_by_role("button", name="Standby").click()
        row(page, "i-web-03").get_by_text("Standby").wait_for()
        selected.get_by_role("button", name="In service").click()
        row(page, "i-web-03").get_by_text("InService").wait_for()
        selected.get_by_role("button", name="Unhealthy").click()
        row(page, "i-web-03").get_by_text("Unhealthy").wait_for()
        selected.get_by_role("button", name="Put metric").click()
        page.get_by_label("Value").fill("12.5")
        page.get_by_role("button", name="Put", exact=True).click()
        row(page, "i-web-03").get_by_text("CPUUtilization 12.5").wait_for()
        selected.get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        row(page, "i-web-03").wait_for(state="detached")
        page.get_by_text("Successful").first.wait_for()


def test_more_than_20_selected_instances_are_said_to_be_too_many_for_one_call(
    page: Any, large: Path
) -> None:
    with console(page, "groups/asg-1", large):
        selected = page.get_by_role("group", name="Selected instances")
        row(page, "h-0001").get_by_role("checkbox").check()
        row(page, "h-0021").get_by_role("checkbox").click(modifiers=["Shift"])
        selected.get_by_text("21 selected").wait_for()
        selected.get_by_text("removes or detaches up to 20 instances").wait_for()
        for name in ("Remove", "Detach"):
            expect(selected.get_by_role("button", name=name)).to_be_disabled()
        expect(selected.get_by_role("button", name="Standby")).to_be_enabled()

        row(page, "h-0021").get_by_role("checkbox").uncheck()
        selected.get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        page.get_by_text("1,980 instances").wait_for()
        page.get_by_role("button", name="Attach").click()
        page.get_by_role("dialog").get_by_text("Up to 20 in one call.").wait_for()


@pytest.mark.parametrize("width", [1400, 800])
def test_the_metric_of_an_instance_is_seen_beside_its_whole_id(
    browser: Any, tmp_path: Path, width: int
) -> None:
    """At 1,400 pixels all columns are; at 800 they scroll sideways, and the id stays."""
    id = "i-bp1abcdefghijklmnopq"  # as long as the cloud makes them
    fleet = tmp_path / "fleet.json"
    members = instances(1, instanceId=id, metrics={"CPUUtilization": 12.5})
    fleet.write_text(json.dumps({"groups": [group(*members)]}))
    with new_page(browser, width=width) as page, console(page, "groups/asg-1", fleet):
        row(page, id).scroll_into_view_if_needed()
        cells = row(page, id).get_by_role("gridcell")
        assert cells.nth(1).evaluate("(one) => one.scrollWidth <= one.clientWidth")
        first = cells.nth(1).bounding_box()
        if width == 800:
            page.evaluate("document.querySelector('.table').scrollLeft = 1e9")
        table = page.locator(".table").bounding_box()
        metric = cells.last.bounding_box()
        assert cells.nth(1).bounding_box()["x"] == pytest.approx(first["x"], abs=15)
        assert metric["x"] + metric["width"] <= table["x"] + table["width"]
        assert cells.last.evaluate("(one) => one.scrollWidth <= one.clientWidth")
        seen = "([x, y]) => document.elementFromPoint(x, y).textContent"
        assert page.evaluate(seen, [first["x"] + first["width"] - 20, first["y"] + 9]) == id
        shot(page, f"console-metrics-{width}")


def test_no_table_is_cut_at_the_side_in_a_window_of_1400_pixels(browser: Any) -> None:
    with new_page(browser, width=1400) as page, console(page) as ready:
        fill(ready)
        for view in VIEWS:
            page.goto(f"http://{ready['endpoint']}/console#/{view}")
            page.locator("main h2").first.wait_for()
            cut = """() => [...document.querySelectorAll('.table')]
                .filter((one) => one.scrollWidth > one.clientWidth)
                .map((one) => [one.getAttribute('aria-label'), one.scrollWidth, one.clientWidth])"""
            assert page.evaluate(cut) == [], view


def test_a_weighted_group_says_which_numbers_are_capacity_and_which_instances(
    page: Any, tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet.json"
    members = [*instances(3, weightedCapacity=4), *instances(1, "w", weightedCapacity=2)]
    fleet.write_text(json.dumps({"groups": [group(*members, weighted=True)]}))
    with console(page, "groups", fleet):
        web = page.get_by_role("link", name="Scaling group asg-1")
        web.get_by_text("14 InService · capacity of 4 instances").wait_for()
        web.click()
        tile = page.locator(".tile").filter(has_text="In service")
        expect(tile).to_have_text("In service14 capacity")
        page.get_by_label("Zones").get_by_text("4 instances").wait_for()


def test_a_refusal_says_what_to_do_and_keeps_what_was_entered(page: Any) -> None:
    with console(page, "groups/asg-web"):
        page.get_by_role("button", name="Sizes").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("MinSize").fill("20")
        dialog.get_by_role("button", name="Apply").click()
        dialog.get_by_role("alert").wait_for()
        assert dialog.get_by_label("MinSize").input_value() == "20"
        dialog.get_by_label("MaxSize").fill("30")
        dialog.get_by_role("button", name="Apply").click()
        dialog.wait_for(state="detached")
        expect(page.locator(".tile").filter(has_text="MinSize")).to_have_text("MinSize20")


def test_processes_are_suspended_and_resumed(page: Any) -> None:
    with console(page, "groups/asg-web"):
        for kind, count in (("check", 1), ("uncheck", 0)):
            page.get_by_role("button", name="Suspend").click()
            getattr(page.get_by_role("dialog").get_by_label("ScaleIn"), kind)()
            page.get_by_role("button", name="Apply").click()
            page.get_by_role("dialog").wait_for(state="detached")
            expect(page.locator(".head .badge.warn")).to_have_count(count)


def test_a_hook_is_made_seen_to_hold_and_completed(page: Any) -> None:
    with console(page, "hooks") as ready:
        page.get_by_role("button", name="New").click()
        page.get_by_label("Group").select_option("asg-batch")
        page.get_by_role("button", name="Create").click()
        page.get_by_text("Holds instances that are removed").wait_for()
        params = {"ScalingGroupId": "asg-batch", "InstanceId.1": "i-batch-01"}
        perform(ready, "RemoveInstances", params)
        held = page.get_by_label("Held instances")
        held.get_by_text("i-batch-01").wait_for()
        held.get_by_role("button", name="Continue drain").click()
        held.get_by_text("Completed").wait_for()


def test_a_rule_and_an_alarm_are_made_and_the_alarm_is_raised(page: Any) -> None:
    with console(page, "alarms"):
        page.get_by_label("Scaling rules").get_by_role("button", name="New").click()
        page.get_by_label("Group").select_option("asg-web")
        page.get_by_label("Name").fill("one-less")
        page.get_by_role("button", name="Create").click()
        page.get_by_role("button", name="Execute one-less").wait_for()
        page.get_by_label("Alarm tasks").get_by_role("button", name="New").click()
        page.get_by_label("Group").select_option("asg-web")
        page.get_by_label("Runs the rule").select_option(label="one-less (web)")
        page.get_by_role("button", name="Create").click()
        page.get_by_role("button", name="Raise cpu-low").click()
        page.get_by_text("ALARM", exact=True).wait_for()
        page.get_by_role("navigation").get_by_role("link", name="Activities").click()
        page.get_by_role("gridcell", name="An alarm task").wait_for()


def test_a_fault_is_injected_and_the_call_that_meets_it_is_in_the_log(page: Any) -> None:
    with console(page, "faults") as ready:
        page.get_by_label("The next calls").get_by_role("button", name="Inject").click()
        page.get_by_label("Due").get_by_text("throttled").wait_for()
        with pytest.raises(OSError, match="400"):
            unsigned_call(ready)
        page.get_by_text("No fault is due.").wait_for()
        page.get_by_role("navigation").get_by_role("link", name="Log").click()
        page.get_by_role("button", name="Faults").click()
        page.get_by_role("gridcell", name="injected").wait_for()


def test_a_fault_of_no_action_is_refused_in_the_form_with_the_nearest_action(page: Any) -> None:
    with console(page, "faults"):
        form = page.get_by_label("The next calls")
        form.get_by_label("Action").fill("SendMesage")
        form.get_by_role("button", name="Inject").click()
        form.get_by_role("alert").get_by_text("did you mean SendMessage?").wait_for()
        page.get_by_text("No fault is due.").wait_for()
        offered = page.locator("datalist option[value=SendMessage]")
        expect(offered).to_have_count(1)


def test_a_rate_limit_is_set_met_and_ended(page: Any) -> None:
    with console(page, "faults") as ready:
        limits = page.get_by_label("Rate limits")
        limits.get_by_label("Action").fill("DescribeScalingGroups")
        limits.get_by_label("Calls a second").fill("0.5")
        limits.get_by_role("button", name="Set").click()
        page.get_by_label("Due").get_by_text("1 call in 2 s").wait_for()
        assert request_json(ready, "faults")[1]["rateLimits"] == {"DescribeScalingGroups": 0.5}
        page.get_by_role("button", name="End the limit of DescribeScalingGroups").click()
        page.get_by_text("No fault is due.").wait_for()


def test_a_message_is_seen_in_its_queue_and_followed_to_the_function_that_gets_it(
    page: Any,
) -> None:
    with console(page, "queues", ALARM):
        page.get_by_role("button", name="Disable requests").click()
        page.get_by_role("button", name="Enable requests").wait_for()
        page.get_by_role("gridcell", name="scalein-requests").click()
        connections = page.get_by_label("Connections")
        connections.get_by_text("alert rule web-cpu-low").wait_for()
        connections.get_by_text("trigger requests of local/scale-in (disabled)").wait_for()
        page.get_by_role("button", name="Send").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Sample").select_option("dry-run")
        expect(dialog.get_by_label("Message")).to_have_value(re.compile('"dryRun": true'))
        dialog.get_by_role("button", name="Send").click()
        page.get_by_role("gridcell", name="active").click()
        details = page.get_by_role("complementary", name="Details")
        details.get_by_text('"dryRun": true').wait_for()
        assert "Received0" in details.locator("dl").inner_text().replace("\n", "")
        shot(page, "console-queue")

        page.get_by_role("link", name="All queues").click()
        page.get_by_role("button", name="Enable requests").click()
        page.get_by_role("gridcell", name="delivered").click()
        details.get_by_text('"status": "dry-run"').wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="local/scale-in").click()
        page.get_by_role("gridcell", name="dry-run").click()
        details.get_by_text(re.compile("FC Invoke Start RequestId: ")).wait_for()
        shot(page, "console-functions")


def test_a_queue_is_made_purged_after_a_question_and_deleted(page: Any) -> None:
    with console(page, "queues") as ready:
        page.get_by_role("button", name="New queue").first.click()
        page.get_by_label("Name").fill("mine")
        page.get_by_role("button", name="Create").click()
        page.get_by_role("heading", name="mine").wait_for()
        request_json(ready, "queues/mine/messages", {"text": "one", "plain": True})
        page.get_by_role("gridcell", name="one", exact=True).wait_for()
        page.get_by_role("button", name="Purge").click()
        assert "in flight too" in page.get_by_role("dialog").inner_text()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        page.get_by_role("gridcell", name="one", exact=True).wait_for()
        page.get_by_role("button", name="Purge").click()
        page.get_by_role("dialog").get_by_role("button", name="Purge").click()
        page.get_by_text("No messages.").wait_for()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        page.get_by_text("No queues yet.").wait_for()


def test_an_event_is_raised_and_a_rule_is_disabled(page: Any) -> None:
    with console(page, "queues") as ready:
        rules = page.get_by_label("Event rules")
        rules.get_by_text("No rules on events.").wait_for()
        add_rules(ready)
        rules.get_by_role("link", name="queue other").wait_for()
        rules.get_by_role("button", name="Raise an event").click()
        dialog = page.get_by_role("dialog")
        event = dialog.get_by_role("textbox", name="Event")
        dialog.get_by_label("Sample").select_option("Scaling activity: removal failed")
        expect(event).to_have_value(re.compile("ScaleInError"))
        event.fill("{")
        dialog.get_by_role("button", name="Raise").click()
        dialog.get_by_role("alert").wait_for()
        dialog.get_by_label("Sample").select_option("Spot instance: interruption")
        dialog.get_by_role("button", name="Raise").click()
        page.get_by_text("The event is on the bus default.").wait_for()
        page.get_by_label("Being tried again").get_by_text("failed 1 time").wait_for()
        expect(row(page, "other").get_by_role("gridcell").nth(1)).to_have_text("1")
        shot(page, "console-event-rules")
        rules.get_by_role("button", name="Disable to-queue").click()
        rules.get_by_role("button", name="Enable to-queue").wait_for()


def test_load_balancers_of_a_group_are_shown_with_each_instance_behind_them(
    page: Any, tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet.json"
    attached = group(*instances(2), loadBalancerIds=["lb-1"])
    fleet.write_text(json.dumps({"groups": [attached]}))
    with console(page, "groups/asg-1", fleet) as ready:
        page.get_by_label("Load balancers").get_by_text("2 backends").wait_for()
        row(page, "i-0001").click()
        details = page.get_by_role("complementary", name="Details")
        details.get_by_text("backend, weight 50").wait_for()
        perform(ready, "EnterStandby", {"ScalingGroupId": "asg-1", "InstanceId.1": "i-0001"})
        details.get_by_text("backend, weight 0: no new traffic").wait_for()
        page.get_by_role("button", name="Set lb-1 inactive").click()
        page.get_by_label("Load balancers").get_by_text("inactive", exact=True).wait_for()
        shot(page, "console-load-balancers")


def test_an_alert_rule_that_is_raised_reaches_its_queue(page: Any) -> None:
    with console(page, "alarms", ALARM) as ready:
        page.get_by_role("button", name="Raise web-cpu-low").click()
        page.get_by_label("Alert rules").get_by_text("ALARM", exact=True).wait_for()
        queues = {one["name"]: one for one in request_json(ready, "overview")[1]["queues"]}
        assert queues["scalein-requests"]["sent"] == 1


def test_a_function_is_invoked_with_an_event(page: Any) -> None:
    with console(page, "functions"):
        page.get_by_text("0 running").wait_for()
        page.get_by_role("button", name="Invoke local/scale-in").click()
        page.get_by_role("dialog").get_by_role("textbox", name="Event").fill(
            '{"scalingGroupId": "asg-wbe"}'
        )
        page.get_by_role("dialog").get_by_role("button", name="Invoke").click()
        details = page.get_by_role("complementary", name="Details")
        details.get_by_text(re.compile('"status": "rejected"')).last.wait_for()
        page.get_by_role("gridcell", name="rejected").wait_for()
        page.get_by_text(re.compile("0 running, 1 idle instance")).wait_for()


def test_a_region_is_chosen_and_stays_chosen(page: Any, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    other = {"regionId": "cn-beijing", "groups": [group(*instances(1, "b"))]}  # with the same id
    fleet.write_text(json.dumps({"groups": [group(*instances(2))], "regions": [other]}))
    with console(page, "groups", fleet):
        switch = page.get_by_role("combobox", name="Account and region")
        switch.select_option("cn-beijing (1)")
        web = page.get_by_role("link", name="Scaling group asg-1")
        web.get_by_text("1 InService").wait_for()
        page.reload()
        expect(switch).to_have_value("1/cn-beijing")
        web.click()
        row(page, "b-0001").get_by_role("checkbox").check()
        page.get_by_role("button", name="Protect", exact=True).click()
        row(page, "b-0001").get_by_text("Protected").wait_for()
        switch.select_option("cn-hangzhou (1)")
        web.get_by_text("2 InService").wait_for()


def unsigned_call(ready: Mapping[str, str]) -> None:
    from urllib.request import urlopen

    urlopen(f"http://{ready['endpoint']}/?Action=DescribeScalingGroups&Version=2014-08-28")


def test_any_action_of_the_api_is_performed_and_logged(page: Any) -> None:
    with console(page, "api"):
        page.get_by_role("searchbox", name="Find an action").fill("describescalinggroups")
        page.get_by_role("button", name="DescribeScalingGroups").click()
        page.get_by_label("ScalingGroupName.N", exact=True).fill("web")
        page.get_by_role("button", name="Perform").click()
        page.get_by_role("status").get_by_text('"ScalingGroupId": "asg-web"').wait_for()
        page.get_by_role("navigation").get_by_role("link", name="Log").click()
        line = page.get_by_role("row").filter(has_text="DescribeScalingGroups").first
        assert "console" in line.inner_text()
        assert "200" in line.inner_text()
        line.click()
        details = page.get_by_role("complementary", name="Details")
        details.get_by_text('"ScalingGroupName.1": "web"').wait_for()


def test_the_table_is_used_by_keyboard_alone(page: Any, large: Path) -> None:
    with console(page, "groups/asg-1", large):
        row(page, "h-0001").focus()
        for key in ("ArrowDown", "ArrowDown", "Space", "PageDown", "End"):
            page.keyboard.press(key)
        focused = "document.activeElement.querySelector('.mono').textContent"
        assert page.evaluate(focused) == "i-1000"
        page.keyboard.press("Home")
        assert page.evaluate(focused) == "h-0001"
        page.get_by_text("1 selected").wait_for()
        page.keyboard.press("Enter")
        details = page.get_by_role("complementary", name="Details")
        details.get_by_role("heading", name="h-0001").wait_for()
        page.keyboard.press("Escape")
        details.wait_for(state="hidden")
        assert page.evaluate(focused) == "h-0001"


def add_rules(ready: Mapping[str, str]) -> None:
    """A rule to a queue, one to a queue that does not exist, one of CloudMonitor."""
    request_json(ready, "queues/other", {})
    pattern = {"EventBusName": "default", "FilterPattern": '{"source": ["acs.ecs"]}'}
    for name, queue in (("to-queue", "other"), ("to-none", "none")):
        target = {"Id": "1", "Type": "acs.mns.queue", "Endpoint": f"acs:mns:x:1:/queues/{queue}"}
        rule = {**pattern, "RuleName": name, "EventTargets": json.dumps([target])}
        perform(ready, "CreateRule", rule)
    perform(ready, "PutEventRule", {"RuleName": "monitor", "EventPattern.1.Product": "ECS"})


def fill(ready: Mapping[str, str]) -> None:
    """Lets something be seen in each view."""
    request_json(ready, "fire", {"event": "remove-two"})
    request_json(ready, "faults", {"kind": "throttled", "action": "RemoveInstances"})
    request_json(ready, "faults", {"rateLimits": {"*": 5}})
    for name in ("q", "other"):
        request_json(ready, f"queues/{name}", {})
    request_json(ready, "queues/q/messages", {"text": "{}"})
    request_json(ready, "topics/t", {})
    request_json(ready, "topics/t/subscriptions", {"name": "s", "endpoint": "mail:directmail:x"})
    add_rules(ready)
    request_json(ready, "bus", {"source": "acs.ecs", "type": "ecs:Instance:StateChange"})
    perform(ready, "AttachLoadBalancers", {"ScalingGroupId": "asg-web", "LoadBalancer.1": "lb-1"})


def test_everything_is_named_for_a_screen_reader(page: Any) -> None:
    with console(page) as ready:
        fill(ready)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        for view in VIEWS:
            page.goto(f"http://{ready['endpoint']}/console#/{view}")
            page.locator("main h2").first.wait_for()
            assert page.evaluate(NAMELESS) == [], view
            current = page.locator(".side [aria-current=page]")
            assert current.count() == 1, view


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_readable_in_both_schemes(browser: Any, scheme: str) -> None:
    """WCAG AA: 4.5 to 1, and 3 to 1 for large text."""
    with new_page(browser, scheme) as page, console(page) as ready:
        fill(ready)
        for view in VIEWS:
            page.goto(f"http://{ready['endpoint']}/console#/{view}")
            page.locator("main h2").first.wait_for()
            page.wait_for_timeout(300)
            assert page.evaluate(CONTRASTS) == [], view


def test_the_colours_can_be_set_against_the_system(page: Any) -> None:
    with console(page):
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.get_by_role("button", name="Colours: as the system").click()
        page.get_by_role("button", name="Colours: light").click()
        assert page.evaluate(ground) != light
        page.reload()
        page.get_by_role("button", name="Colours: dark").wait_for()


@pytest.mark.parametrize("view", VIEWS)
def test_a_narrow_window_shows_all_without_scrolling_sideways(browser: Any, view: str) -> None:
    with new_page(browser, width=390) as page, console(page, view):
        page.locator("main").get_by_role("heading").or_(
            page.get_by_text("no queue q")
        ).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_cloud_that_ends_is_said_to_give_no_answer(browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    with local_cloud(SMALL) as ready:
        page.goto(f"http://{ready['endpoint']}/console")
        page.get_by_text("live", exact=True).wait_for()
    page.get_by_text("no answer: trying again").wait_for()
    page.get_by_role("button", name="Put the clock forward by 1 hour").click()
    page.get_by_text("Start it again; the page connects by itself.").wait_for()
    context.close()
