"""What only a local cloud has: a clock to move, faults, saved state, HTTPS, events to fire."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import fc2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.assembly import build_cloud
from localcloud.authenticator import Authenticator
from localcloud.certificate import self_signed_certificate
from localcloud.console.event_times import current_event
from localcloud.errors import ApiError
from localcloud.ess.catalogue import perform
from localcloud.ess.model import Assumptions
from localcloud.ess.service import Service
from localcloud.faults import KINDS, Faults
from localcloud.fleet import FleetError, read_fleet, save_fleet, service_of
from localcloud.state import saved
from scalein_cli.local import local_cloud
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import group, instances
from tests.support.sdks import OlderPython, RefusedCall

SMALL = Path(__file__).parents[2] / "localcloud/fleets/small.json"


def request_json(
    ready: Mapping[str, str], path: str, body: Any = None, method: str | None = None
) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    url = f"http://{ready['endpoint']}/localcloud/{path}"
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def ready() -> Any:
    with local_cloud(SMALL) as found:
        yield found


def perform_action(service: Service, action: str, **params: str) -> dict[str, Any]:
    return perform(
        service, {"Action": action, "Version": "2022-02-22", "RegionId": "cn-hangzhou", **params}
    )


def test_the_clock_is_put_forward_and_no_further_than_a_year(ready: Mapping[str, str]) -> None:
    before = request_json(ready, "overview")[1]["now"]
    after = request_json(ready, "clock", {"advance": 86_400})[1]["now"]
    assert after[:10] > before[:10]
    for wrong in (-1, 1e12, "x", None):
        assert request_json(ready, "clock", {"advance": wrong})[0] == 400


def test_faults_are_added_seen_and_cleared_at_run_time(ready: Mapping[str, str]) -> None:
    added = request_json(
        ready, "faults", {"kind": "throttled", "action": "DescribeScalingGroups", "times": 2}
    )[1]
    assert added["pending"] == [
        {"kind": "throttled", "action": "DescribeScalingGroups", "times": 2, "seconds": 0.0}
    ]
    assert (
        request_json(ready, "faults", {"rate": 0.5, "kinds": ["slow"], "seed": 1})[1]["rate"] == 0.5
    )
    assert request_json(ready, "faults", {"kind": "earthquake"})[0] == 400
    assert request_json(ready, "faults", {})[0] == 200  # lists them
    cleared = request_json(ready, "faults", method="DELETE")[1]
    assert (cleared["pending"], cleared["rate"]) == ([], 0.0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "slow", "seconds": float("nan")}),
        ("faults", {"kind": "slow", "times": float("inf")}),
        ("faults", {"rate": 5, "kinds": ["slow"]}),
        ("faults", {"rate": 0.1}),
        ("faults", {"rate": 0.1, "kinds": ["slow"], "seed": float("inf")}),
        ("faults", {"lag": {"lists": float("inf")}}),
        ("faults", {"lag": {"history": 1, "seconds": 1e300}}),
        ("faults", {"lag": 5}),
        ("faults", {"rateLimits": {"RemoveInstances": float("nan")}}),
        ("faults", {"rateLimits": {"RemoveInstances": "x"}}),
        ("clock", {"advance": float("nan")}),
        ("metrics", {"instanceId": "i-web-01", "metricName": "m", "value": float("inf")}),
    ],
)
def test_what_no_number_can_be_is_refused_and_breaks_nothing(
    ready: Mapping[str, str], path: str, body: dict[str, Any]
) -> None:
    status, answer = request_json(ready, path, body)
    assert (status, bool(answer.get("error"))) == (400, True)
    assert request_json(ready, "overview")[0] == 200


def test_another_origins_page_cannot_change_anything(ready: Mapping[str, str]) -> None:
    """A form can be sent across origins, but never as application/json."""
    request = urllib.request.Request(
        f"http://{ready['endpoint']}/localcloud/faults",
        b'{"kind": "throttled"}',
        {"Content-Type": "text/plain"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value:
        assert "Content-Type: application/json" in json.load(caught.value)["error"]
    assert request_json(ready, "faults")[1]["pending"] == []


@pytest.mark.parametrize(
    ("body", "nearest"),
    [
        ({"kind": "throttled", "action": "RemoveInstance"}, "RemoveInstances"),
        ({"kind": "throttled", "action": "invokefunction"}, "InvokeFunction"),
        ({"rate": 0.1, "kinds": ["slow"], "action": "SendMesage"}, "SendMessage"),
        ({"rateLimits": {"DescribeScalingGroup": 1}}, "DescribeScalingGroups"),
    ],
)
def test_a_fault_of_no_action_is_refused_with_the_nearest_action(
    ready: Mapping[str, str], body: dict[str, Any], nearest: str
) -> None:
    status, answer = request_json(ready, "faults", body)
    assert status == 400
    assert answer["error"].endswith(f"did you mean {nearest}?")
    shown = request_json(ready, "faults")[1]
    assert (shown["pending"], shown["rate"], shown["rateLimits"]) == ([], 0.0, {})


def test_each_action_that_meets_faults_may_be_named_in_one(ready: Mapping[str, str]) -> None:
    """Those that the console performs, and those without a form there."""
    offered = [one["name"] for one in request_json(ready, "actions")[1]["actions"]]
    assert set(offered) < set(request_json(ready, "faults")[1]["actions"])
    for action in (*offered, "SendMessage", "InvokeFunction", "AssumeRole", "DescribeEndpoints"):
        assert request_json(ready, "faults", {"kind": "throttled", "action": action})[0] == 200
    request_json(ready, "faults", method="DELETE")


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("clock", {"advnce": 60}, "'advnce'; known fields: advance"),
        ("faults", {"kind": "slow", "acton": "RemoveInstances"}, "'acton'; known fields: kind, "),
        ("faults", {"rate": 0.1, "kinds": ["slow"], "times": 2}, "'times'; known fields: rate, "),
        ("faults", {"lag": {"list": 5}}, "'list'; known fields: lists, history, varies, seconds"),
        ("faults", {"rateLimits": {}, "kind": "slow"}, "'kind'; known fields: rateLimits"),
        ("fire", {"event": "remove-two", "txt": "{}"}, "'txt'; known fields: event, text, "),
        ("perform", {"action": "DescribeRegions", "parameters": {}}, "'parameters'; known fields"),
        ("metrics", {"groupId": "asg-web", "metric": "m"}, "'metric'; known fields: metricName, "),
        ("alarms", {"alarmId": "x"}, "'alarmId'; known fields: alarmTaskId, "),
        ("queues/q", {"visibility": 5}, "'visibility'; known fields: delaySeconds, "),
        ("topics/t", {"name": "t"}, "'name'; it takes none"),
    ],
)
def test_a_field_that_would_be_ignored_is_refused_by_its_name(
    ready: Mapping[str, str], path: str, body: dict[str, Any], fields: str
) -> None:
    status, answer = request_json(ready, path, body)
    assert (status, fields in answer["error"]) == (400, True), answer


def test_an_event_is_fired_at_the_function_of_the_fleet_file(ready: Mapping[str, str]) -> None:
    assert "remove-two" in request_json(ready, "events")[1]["events"]
    status, answer = request_json(ready, "fire", {"event": "rabbitmq-batch"})
    assert (status, answer["failed"]) == (200, "")
    assert "outcomes" in json.loads(answer["answer"])
    assert request_json(ready, "overview")[1]["decisions"][0]["outcomes"]
    assert request_json(ready, "fire", {"event": "../policy.example"})[0] == 400


def test_the_function_of_the_fleet_file_is_there_before_any_event_is_fired() -> None:
    settings = json.loads(SMALL.read_text())["function"]
    with local_cloud(SMALL) as started:
        client = fc2.Client(
            endpoint=f"http://{started['endpoint']}",
            accessKeyID=started["accessKeyId"],
            accessKeySecret=started["accessKeySecret"],
        )
        names = [one["functionName"] for one in client.list_functions("local").data["functions"]]

    assert names == [settings["name"]]


def test_a_browser_is_led_to_the_console_and_a_client_is_not(ready: Mapping[str, str]) -> None:
    url = f"http://{ready['endpoint']}/"
    page = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(page) as answer:
        assert answer.url.endswith("/console")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    with caught.value:
        assert json.load(caught.value)["Code"] == "MissingAction"


def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with local_cloud(SMALL, "--state", str(state)) as first:
        client = OlderPython(first["endpoint"], first)
        made = client.call("CreateScalingGroup", MinSize=0, MaxSize=1, ScalingGroupName="retained")
    with local_cloud(SMALL, "--state", str(state)) as second:
        found = OlderPython(second["endpoint"], second).call(
            "DescribeScalingGroups", ScalingGroupNames=["retained"]
        )
    assert not isinstance(made, RefusedCall)
    assert not isinstance(found, RefusedCall)
    assert [one["ScalingGroupId"] for one in found["ScalingGroups"]] == [made["ScalingGroupId"]]


STEPS: dict[str, tuple[str, dict[str, str]]] = {
    "remove": ("RemoveInstances", {"InstanceIds.1": "i-000{n}"}),
    "attach": ("AttachInstances", {"InstanceIds.1": "x-{n}"}),
    "rule": (
        "CreateScalingRule",
        {"ScalingRuleName": "rule-{n}", "AdjustmentType": "TotalCapacity", "AdjustmentValue": "3"},
    ),
    "hook": (
        "CreateLifecycleHook",
        {"LifecycleTransition": "SCALE_IN", "LifecycleHookName": "hook-{n}"},
    ),
    "alarm": ("CreateAlarm", {"MetricName": "CpuUtilization", "Threshold": "80"}),
    "task": ("CreateScheduledTask", {"LaunchTime": "2026-11-24T00:00Z", "MinValue": "1"}),
    "token": ("RemoveInstances", {"InstanceIds.1": "i-000{n}", "ClientToken": "t-{n}"}),
}


@given(st.lists(st.sampled_from([*STEPS, "wait"]), max_size=8))
def test_whatever_was_done_a_saved_state_goes_on_the_same(steps: list[str]) -> None:
    clock = DrivenClock(NOON)
    service = service_of(
        {"groups": [group(*instances(5), desiredCapacity=4)]}, clock, Assumptions(acts=True)
    )
    for number, step in enumerate(steps):
        if step == "wait":
            clock.advance(45)
            continue
        action, params = STEPS[step]
        with suppress(ApiError):
            perform_action(
                service,
                action,
                ScalingGroupId="asg-1",
                **{k: v.format(n=number) for k, v in params.items()},
            )
    again = service_of(
        {"saved": json.loads(json.dumps(saved(service)))}, clock, Assumptions(acts=True)
    )

    assert saved(again) == saved(service)


@pytest.mark.parametrize(
    "state", [{"groups": 1}, {"nothing": {}}, {"clock": {}}, {"groups": {"a": {"x": 1}}}]
)
def test_a_saved_state_that_is_none_is_named_as_such(state: dict[str, Any]) -> None:
    with pytest.raises(FleetError, match="saved state"):
        service_of({"saved": state}, DrivenClock(NOON), Assumptions())


def test_a_saved_file_is_a_fleet_file(tmp_path: Path) -> None:
    service = read_fleet(SMALL, DrivenClock(NOON), Assumptions())
    save_fleet(service, tmp_path / "saved.json")

    again = read_fleet(tmp_path / "saved.json", DrivenClock(NOON), Assumptions())
    assert (again.groups, again.assumptions.activity_seconds) == (
        service.groups,
        service.assumptions.activity_seconds,
    )


def test_https_is_served_with_a_certificate_of_its_own() -> None:
    with local_cloud(SMALL, "--https") as ready:
        trusted = ssl.create_default_context(cafile=ready["certificate"])
        with urllib.request.urlopen(
            f"https://{ready['endpoint']}/console", context=trusted
        ) as page:
            assert b"Local Auto Scaling" in page.read()


def test_the_certificate_names_the_address_it_listens_on() -> None:
    with self_signed_certificate("10.1.2.3") as (certificate, _):
        shown = ["openssl", "x509", "-in", certificate, "-text"]
        done = subprocess.run(shown, capture_output=True, text=True, check=True)
    assert "IP Address:10.1.2.3" in done.stdout


@pytest.mark.parametrize(
    "kind", ["refused", "clock-skew", "throttled", "internal-error", "unavailable", "bad-gateway"]
)
def test_a_fault_comes_by_flag(kind: str) -> None:
    with local_cloud(SMALL, "--fault", kind) as ready:
        client = OlderPython(ready["endpoint"], ready)
        with pytest.raises(Exception) if kind == "refused" else nullcontext():
            assert isinstance(client.call("DescribeScalingGroups"), RefusedCall)
        assert not isinstance(client.call("DescribeScalingGroups"), RefusedCall)


def test_a_lag_comes_by_flag_and_is_changed_and_ended_at_run_time() -> None:
    with local_cloud(SMALL, "--lists-lag", "30", "--history-lag", "60", "--lag-varies") as ready:
        assert request_json(ready, "faults")[1]["lag"] == {
            "lists": 30,
            "history": 60,
            "varies": True,
        }
        changed = request_json(ready, "faults", {"lag": {"lists": 5, "history": 0, "seconds": 10}})[
            1
        ]
        assert changed["lag"] == {"lists": 5, "history": 0, "varies": False}
        assert request_json(ready, "faults", method="DELETE")[1]["lag"]["lists"] == 0


def test_the_secret_is_new_at_each_start_unless_one_is_given() -> None:
    with local_cloud(SMALL) as first, local_cloud(SMALL) as second:
        assert first["accessKeySecret"] != second["accessKeySecret"]
        assert min(len(first["accessKeySecret"]), len(second["accessKeySecret"])) >= 32
    with local_cloud(SMALL, "--access-key-secret", "mine") as ready:
        assert ready["accessKeySecret"] == "mine"


def test_the_address_of_the_console_is_printed_and_leads_there() -> None:
    command = [sys.executable, "-m", "localcloud", "--fleet", str(SMALL)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        try:
            address = process.stderr.readline().removeprefix("Console: ").strip()
            assert json.loads(process.stdout.readline())["endpoint"] in address
            with urllib.request.urlopen(address) as answer:
                assert b"<title>" in answer.read()
        finally:
            process.terminate()


def test_a_fault_comes_by_fleet_file(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    fleet.write_text(
        json.dumps({"groups": [group()], "faults": [{"kind": "throttled", "times": 1}]})
    )
    with local_cloud(fleet) as ready:
        client = OlderPython(ready["endpoint"], ready)
        assert client.call("DescribeScalingGroups") == RefusedCall(400, "Throttling.User")
        assert not isinstance(client.call("DescribeScalingGroups"), RefusedCall)


@pytest.mark.parametrize(
    ("path", "field"),
    [("metrics", "metricName"), ("bus", "source"), ("alarms", "alarmTaskId")],
)
def test_a_field_that_is_missing_is_said_to_be(
    ready: Mapping[str, str], path: str, field: str
) -> None:
    status, answer = request_json(ready, path, {"place": ""})
    assert (status, answer["error"]) == (400, f"the field '{field}' is missing")


@pytest.mark.parametrize(
    "misbehaves",
    [
        {"faults": [{"kind": "throttled", "action": "RemoveInstance"}]},
        {"faults": [{"kind": "throttled", "action": "RemoveInstance", "rate": 0.5}]},
        {"rateLimits": {"RemoveInstance": 5}},
    ],
)
def test_a_fault_of_no_action_in_a_fleet_file_is_named(misbehaves: dict[str, Any]) -> None:
    fleet = {"groups": [group()], **misbehaves}
    with pytest.raises(FleetError, match=r"did you mean RemoveInstances\?"):
        build_cloud(fleet, DrivenClock(NOON), Assumptions(), Authenticator("id", "secret"))


@given(st.integers(0, 1 << 30), st.floats(0, 1), st.lists(st.sampled_from(KINDS), min_size=1))
def test_the_same_seed_gives_the_same_faults(seed: int, rate: float, kinds: list[str]) -> None:
    both = [Faults(), Faults()]
    for faults in both:
        faults.set_random(rate, kinds, seed)
    assert [both[0].take("RemoveInstances") for _ in range(20)] == [
        both[1].take("RemoveInstances") for _ in range(20)
    ]


@given(st.integers(0, 290_000_000))
def test_an_old_event_is_sent_as_if_now_and_keeps_its_distances(age: int) -> None:
    newest = NOON.timestamp() - age
    event = {
        "at": int(newest * 1000),
        "before": int(newest) - 60,
        "text": "2017-08-01T00:00:00Z",
        "n": 1234567890123456,
    }
    event_now = json.loads(current_event(json.dumps(event), NOON))
    assert event_now["at"] == int(NOON.timestamp() * 1000)
    assert event_now["before"] == int(NOON.timestamp()) - 60
    assert event_now["n"] == event["n"]
