"""The handler's gateway through the real SDK over a socket, against a cloud that can misbehave."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from localcloud.ess.model import Assumptions
from scalein.clock import Deadline
from scalein.cloud.ess import EssGateway
from scalein.cloud.gateway import GROUP_ONLY, DryRun, Gateway, Removal
from scalein.decision.model import ReadScope, RemoveOptions, Snapshot, Target
from scalein.decision.reasons import Status
from scalein.errors import (
    ConfigurationError,
    OutcomeUnknown,
    Refused,
    StaleSnapshot,
    Transient,
    TryLater,
)
from scalein.settings import Credentials
from tests.support.clock import DrivenClock
from tests.support.clouds import cloud_of, group, instances
from tests.support.deployment import KEY, settings_of
from tests.support.fakes import scale_in
from tests.support.fleets import request_for

CALL = Removal("asg-1", ("i-0001",), "token-1", RemoveOptions())


def test_a_snapshot_is_the_group_and_all_of_its_instances() -> None:
    members = [
        *instances(1, lifecycleState="Protected"),
        *instances(1, "i-lt", launchTemplateId="lt-1"),
    ]
    del members[1]["scalingConfigurationId"]
    members[1]["launchTemplateVersion"] = "3"
    with cloud_of(
        group(*members, minSize=1, multiAZPolicy="BALANCE", suspendedProcesses=["ScaleOut"])
    ) as cloud:
        snapshot = cloud.gateway().snapshot("asg-1")

    by_id = {instance.id: instance for instance in snapshot.instances}
    assert (snapshot.group.min_size, snapshot.group.total_capacity, snapshot.group.weighted) == (
        1,
        2,
        False,
    )
    assert snapshot.group.stable_capacity == 2
    assert (snapshot.group.multi_az_policy, snapshot.group.suspended_processes) == (
        "BALANCE",
        ("ScaleOut",),
    )
    assert snapshot.group.removal_policies == ("OldestScalingConfiguration", "OldestInstance")
    assert by_id["i-0001"].lifecycle_state == "Protected"
    assert by_id["i-lt-0001"].scaling_configuration == "lt-1:3"
    assert str(by_id["i-0001"].joined_at) == "2026-05-01 00:01:00+00:00"
    assert by_id["i-0001"].weight is None


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (450, 5)])
def test_every_page_is_read_once(count: int, pages: int) -> None:
    with cloud_of(group(*instances(count))) as cloud:
        snapshot = cloud.gateway().snapshot("asg-1")

        assert len({instance.id for instance in snapshot.instances}) == count
        assert len(cloud.calls("DescribeScalingInstances")) == pages
        assert len(cloud.calls("DescribeScalingGroups")) == 1


def test_weights_are_read_in_a_weighted_group() -> None:
    with cloud_of(group(*instances(1, weightedCapacity=7), weighted=True)) as cloud:
        snapshot = cloud.gateway().snapshot("asg-1")

    assert snapshot.instances[0].weight == 7
    assert snapshot.group.stable_capacity is None


def test_an_unknown_group_is_refused() -> None:
    with cloud_of(group()) as cloud, pytest.raises(Refused) as caught:
        cloud.gateway().snapshot("asg-9")

    assert caught.value.code == "InvalidScalingGroupId.NotFound"


def test_options_reach_ess_as_it_spells_them() -> None:
    options = RemoveOptions("recycle", False, 60, True, ("ash-1", "ash-2"))
    with cloud_of(group(*instances(1))) as cloud:
        assert cloud.gateway().remove(CALL._replace(options=options)).startswith("asa-")
        (params,) = cloud.calls("RemoveInstances")

    assert (params["ClientToken"], params["InstanceId.1"]) == ("token-1", "i-0001")
    assert (params["RemovePolicy"], params["DecreaseDesiredCapacity"]) == ("recycle", "False")
    assert params["StopInstanceTimeout"] == "60"
    hooks = {"DisableLifecycleHook": True, "IgnoredLifecycleHookIds": ["ash-1", "ash-2"]}
    assert json.loads(params["LifecycleHookContext"]) == hooks


def test_options_that_a_request_leaves_out_are_not_sent() -> None:
    with cloud_of(group(*instances(1))) as cloud:
        cloud.gateway().remove(CALL)
        (params,) = cloud.calls("RemoveInstances")

    optional = {
        "RemovePolicy",
        "DecreaseDesiredCapacity",
        "StopInstanceTimeout",
        "LifecycleHookContext",
    }
    assert optional.isdisjoint(params)


def test_the_sts_token_is_sent() -> None:
    with cloud_of(group(*instances(1)), token="sts-1") as cloud:
        credentials = KEY._replace(security_token="sts-1")

        assert cloud.gateway(credentials=credentials).snapshot("asg-1").instances


def test_credentials_of_the_environment_never_replace_those_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDK would prefer ALIYUN_* over a token credential."""
    monkeypatch.setenv("ALIYUN_ACCESS_KEY_ID", "another-key")
    monkeypatch.setenv("ALIYUN_ACCESS_KEY_SECRET", "other-secret")
    with cloud_of(group(*instances(1)), token="sts-2") as cloud:
        cloud.gateway(credentials=KEY._replace(security_token="sts-2")).snapshot("asg-1")

        assert {call["AccessKeyId"] for call in cloud.calls("DescribeScalingGroups")} == {
            "test-key"
        }


def test_a_proxy_of_the_environment_is_not_used_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with cloud_of(group(*instances(1))) as cloud:
        fresh = Credentials("test-key", "test-secret", "unused-token")

        assert cloud.gateway(credentials=fresh).snapshot("asg-1").instances


@pytest.mark.parametrize(
    "kind", ["throttled", "internal-error", "unavailable", "bad-gateway", "not-json", "lost-answer"]
)
@pytest.mark.parametrize("action", ["DescribeScalingGroups", "DescribeScalingInstances"])
def test_a_read_that_fails_in_passing_is_tried_again(kind: str, action: str) -> None:
    clock = DrivenClock()
    with cloud_of(group(*instances(3))) as cloud:
        cloud.inside.faults.add(kind, action, times=2)

        assert len(cloud.gateway(clock=clock).snapshot("asg-1").instances) == 3
    assert len(clock.naps) == 2
    assert clock.naps[0] <= 0.2
    assert clock.naps[1] <= 0.4


def test_reads_are_tried_again_only_while_the_deadline_allows() -> None:
    clock = DrivenClock()
    with cloud_of(group(*instances(3))) as cloud:
        cloud.inside.faults.add("throttled", "DescribeScalingGroups", times=10_000)
        with pytest.raises(Transient, match="Throttling"):
            cloud.gateway(seconds=20, clock=clock).snapshot("asg-1")

    assert len(clock.naps) >= 5
    assert 10 < clock.elapsed < 20


def test_a_read_without_an_answer_never_looks_like_an_empty_group() -> None:
    with cloud_of(group(*instances(3))) as cloud:
        cloud.inside.faults.add("not-json", "DescribeScalingInstances", times=10_000)
        with pytest.raises(Transient):
            cloud.gateway().snapshot("asg-1")


def test_a_list_short_of_its_total_count_is_read_once_more_and_then_retried_later() -> None:
    with cloud_of(group(*instances(150))) as cloud:
        cloud.inside.faults.add("page-drift", "DescribeScalingInstances", times=1)
        assert len(cloud.gateway().snapshot("asg-1").instances) == 150
        cloud.inside.faults.add("page-drift", "DescribeScalingInstances", times=100)
        with pytest.raises(TryLater, match="Inconsistent"):
            cloud.gateway().snapshot("asg-1")


def test_without_a_listener_the_outcome_of_a_removal_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings = settings_of(f"127.0.0.1:{port}", run_seconds=3.0)
    gateway = EssGateway(settings, Deadline.after(3, DrivenClock()))
    with pytest.raises(Transient):
        gateway.snapshot("asg-1")
    with pytest.raises(OutcomeUnknown):
        gateway.remove(CALL)


@pytest.mark.parametrize("kind", ["lost-answer", "not-json"])
def test_a_removal_whose_answer_was_lost_is_repeated_with_the_same_token(kind: str) -> None:
    with cloud_of(group(*instances(3))) as cloud:
        cloud.inside.faults.add(kind, "RemoveInstances")
        activity_id = cloud.gateway().remove(CALL)

        assert list(cloud.inside.service.activities) == [activity_id]
        assert (
            len({(c["ClientToken"], c["InstanceId.1"]) for c in cloud.calls("RemoveInstances")})
            == 1
        )
        assert len(cloud.calls("RemoveInstances")) == 2


@pytest.mark.parametrize("kind", ["internal-error", "bad-gateway", "lost-answer"])
def test_a_removal_that_never_gets_an_answer_is_of_unknown_outcome(kind: str) -> None:
    with cloud_of(group(*instances(3))) as cloud:
        cloud.inside.faults.add(kind, "RemoveInstances", times=10_000)
        with pytest.raises(OutcomeUnknown):
            cloud.gateway(seconds=5).remove(CALL)


def test_a_removal_that_is_only_throttled_certainly_did_not_happen() -> None:
    with cloud_of(group(*instances(3))) as cloud:
        cloud.inside.faults.add("throttled", "RemoveInstances", times=10_000)
        with pytest.raises(Transient) as caught:
            cloud.gateway(seconds=5).remove(CALL)
        assert not caught.value.may_have_happened
        assert cloud.inside.service.activities == {}


def test_a_refusal_after_a_lost_answer_may_be_the_echo_of_our_own_success() -> None:
    """The removal ended before the second attempt: had ESS forgotten the token, it would no longer
    know the instance.
    """
    with cloud_of(group(*instances(3)), activitySeconds=0) as cloud:
        cloud.inside.faults.add("lost-answer", "RemoveInstances")
        cloud.inside.service.tokens = Forgetful()
        with pytest.raises(OutcomeUnknown):
            cloud.gateway().remove(CALL)
        assert len(cloud.states()) == 2


class Forgetful(dict):  # type: ignore[type-arg]
    """Remembers no token: how long ESS does is not published."""

    def __setitem__(self, token: str, answer: object) -> None:
        pass


def test_the_gateway_does_not_wait_for_an_activity_in_progress() -> None:
    clock = DrivenClock()
    running = [{"scalingGroupId": "asg-1", "seconds": 60}]
    with (
        cloud_of(group(*instances(3)), activities=running) as cloud,
        pytest.raises(TryLater) as caught,
    ):
        cloud.gateway(clock=clock).remove(CALL)

    assert caught.value.code == "ScalingActivityInProgress"
    assert clock.naps == []


@pytest.mark.parametrize(("state", "min_size"), [("Pending", 0), ("InService", 3)])
def test_a_refusal_because_the_group_changed_says_that_the_snapshot_is_stale(
    state: str, min_size: int
) -> None:
    with (
        cloud_of(group(*instances(3, lifecycleState=state), minSize=min_size)) as cloud,
        pytest.raises(StaleSnapshot),
    ):
        cloud.gateway().remove(CALL)


def test_a_wrong_secret_is_a_fault_of_the_deployment() -> None:
    with cloud_of(group()) as cloud, pytest.raises(ConfigurationError):
        cloud.gateway(credentials=Credentials("test-key", "wrong")).snapshot("asg-1")


def test_the_same_message_twice_removes_once() -> None:
    request = request_for(Target(instances=1))
    with cloud_of(group(*instances(3), desiredCapacity=3)) as cloud:
        first = scale_in(request, cloud.gateway())
        assert first.status is Status.REMOVING
        again = scale_in(request, cloud.gateway())  # a new snapshot, so other ids

        assert (again.status, again.scaling_activity_ids) == (
            Status.UNCONFIRMED,
            first.scaling_activity_ids,
        )
        assert list(cloud.states().values()).count("Removing") == 1


@pytest.mark.parametrize("burns", [True, False])
def test_a_group_that_changed_after_the_plan_loses_one_instance_even_if_a_refusal_burns_the_token(
    burns: bool,
) -> None:
    assumptions = Assumptions(refused_calls_burn_their_token=burns)
    with cloud_of(group(*instances(3)), assumptions=assumptions) as cloud:
        stale = cloud.gateway().snapshot("asg-1")
        del cloud.group.instances["i-0001"]
        gateway = StaleOnce(cloud.gateway(), stale)

        assert scale_in(request_for(Target(instances=1)), gateway).accepted == ("i-0002",)
        assert len(cloud.inside.service.activities) == 1
        tokens = [call["ClientToken"] for call in cloud.calls("RemoveInstances")]
        assert (len(tokens), len(set(tokens))) == (2, 2)  # a refused token is not used again


class StaleOnce(DryRun):
    """The real gateway, whose first snapshot is an older one."""

    def __init__(self, gateway: Gateway, stale: Snapshot) -> None:
        super().__init__(gateway)
        self._stale = [stale]

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        return self._stale.pop() if self._stale else super().snapshot(scaling_group_id, read_scope)

    def remove(self, removal: Removal) -> str:
        return self._gateway.remove(removal)


def test_nothing_secret_is_ever_logged(
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even with the SDK's own debugging switched on, which writes URLs to standard error."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DEBUG", "sdk")
    credentials = Credentials("test-key", "test-secret", "token-canary-7731")
    with cloud_of(group(*instances(3)), token="token-canary-7731") as cloud:
        for kind in ("throttled", "bad-gateway", "not-json", "lost-answer"):
            cloud.inside.faults.add(kind)
        cloud.gateway(credentials=credentials).snapshot("asg-1")
        wrong = credentials._replace(access_key_secret="wrong-canary-7731")
        with pytest.raises(ConfigurationError) as caught:
            cloud.gateway(credentials=wrong).snapshot("asg-1")

    printed = "".join(capfd.readouterr())
    assert "7731" not in caplog.text + printed
    assert "test-secret" not in caplog.text
    assert "7731" not in str(caught.value)


def test_a_removal_slower_than_the_read_timeout_is_repeated_with_the_same_token() -> None:
    with cloud_of(group(*instances(3))) as cloud:
        cloud.inside.faults.add("slow", "RemoveInstances", seconds=0.5)
        activity_id = cloud.gateway(read_timeout_seconds=0.2).remove(CALL)

        assert list(cloud.inside.service.activities) == [activity_id]


def test_the_group_and_its_instances_are_read_in_parallel() -> None:
    """The server answers neither request before both have arrived."""
    both = threading.Barrier(2)

    def reply_to(action: str) -> object:
        both.wait(5)
        return EMPTY[action]

    with answering(reply_to) as gateway:
        assert gateway.snapshot("asg-1").instances == ()
    assert not both.broken


GROUP = {"ScalingGroupId": "asg-1", "LifecycleState": "Active", "MinSize": 0, "TotalCapacity": 0}
EMPTY = {
    "DescribeScalingGroups": {"TotalCount": 1, "ScalingGroups": {"ScalingGroup": [GROUP]}},
    "DescribeScalingInstances": {"TotalCount": 0, "ScalingInstances": {"ScalingInstance": []}},
}
MEMBER = {"InstanceId": "i-1", "LifecycleState": "InService"}


def listing(*members: object, total: object = 1) -> dict[str, object]:
    return {"TotalCount": total, "ScalingInstances": {"ScalingInstance": list(members)}}


def showing(group: object) -> dict[str, object]:
    return {"TotalCount": 1, "ScalingGroups": {"ScalingGroup": [group]}}


NO_GROUP = {"TotalCount": 0, "ScalingGroups": {"ScalingGroup": []}}


@pytest.mark.parametrize(
    "odd",
    [
        {"DescribeScalingInstances": {}},
        {"DescribeScalingInstances": {"TotalCount": "many"}},
        {"DescribeScalingInstances": {"TotalCount": -1}},
        {"DescribeScalingInstances": {"TotalCount": 10**9}},
        {"DescribeScalingInstances": listing()},
        {"DescribeScalingInstances": listing(MEMBER, MEMBER, total=2)},
        {"DescribeScalingInstances": listing("i-1")},
        {"DescribeScalingInstances": listing({"InstanceId": "i-1"})},
        {"DescribeScalingInstances": listing({**MEMBER, "ScalingGroupId": "asg-2"})},
        {"DescribeScalingInstances": listing({**MEMBER, "CreatedTime": "yesterday"})},
        {"DescribeScalingGroups": showing({**GROUP, "ScalingGroupId": "asg-2"})},
        {"DescribeScalingGroups": showing({**GROUP, "MinSize": None})},
        {"DescribeScalingGroups": showing({"ScalingGroupId": "asg-1"})},
        {"DescribeScalingGroups": {"TotalCount": 1, "ScalingGroups": {"ScalingGroup": ["asg-1"]}}},
        {"DescribeScalingGroups": {}},
        {"DescribeScalingGroups": {"Code": "Throttling", "Message": "", "RequestId": "R-1"}},
        {"DescribeScalingGroups": {"TotalCount": 0}},
        {"DescribeScalingGroups": {"TotalCount": 1, "ScalingGroups": {"ScalingGroup": []}}},
        {"DescribeScalingGroups": NO_GROUP, "DescribeScalingInstances": listing(MEMBER)},
    ],
)
def test_an_answer_that_contradicts_or_garbles_itself_is_no_snapshot(
    odd: dict[str, object],
) -> None:
    with (
        answering(lambda action: {**EMPTY, **odd}[action]) as gateway,
        pytest.raises(TryLater, match="Inconsistent"),
    ):
        gateway.snapshot("asg-1")


def test_lists_may_come_without_their_inner_name() -> None:
    flat = {**GROUP, "RemovalPolicies": ["NewestInstance"], "SuspendedProcesses": ["ScaleIn"]}
    answers = {**EMPTY, "DescribeScalingGroups": {"TotalCount": 1, "ScalingGroups": [flat]}}
    with answering(lambda action: answers[action]) as gateway:
        group_read = gateway.snapshot("asg-1").group

    assert (group_read.removal_policies, group_read.suspended_processes) == (
        ("NewestInstance",),
        ("ScaleIn",),
    )


@pytest.mark.parametrize("reply", [{}, {"ScalingActivityId": ""}, [], "asa-1", None])
def test_an_answer_without_an_activity_leaves_the_outcome_unknown(reply: object) -> None:
    with answering(lambda _: reply) as gateway, pytest.raises(OutcomeUnknown):
        gateway.remove(CALL)


@contextmanager
def answering(reply_to: Callable[[str], object]) -> Iterator[EssGateway]:
    """Yields the handler's gateway before a server that answers each action with `reply_to`."""

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps(reply_to(self.headers["x-acs-action"])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = settings_of(f"127.0.0.1:{server.server_port}", read_timeout_seconds=10.0)
        try:
            yield EssGateway(settings, Deadline.after(5, DrivenClock()))
        finally:
            server.shutdown()


def test_the_group_of_an_instance_is_found_without_knowing_it() -> None:
    other = {**group(*instances(2, "j")), "scalingGroupId": "asg-2"}
    with cloud_of(group(*instances(30)), other) as cloud:
        gateway = cloud.gateway()

        assert gateway.groups_of(("i-0001",)) == {"asg-1"}
        assert gateway.groups_of(("i-0001", "j-0002", "i-elsewhere")) == {"asg-1", "asg-2"}
        assert gateway.groups_of(("i-elsewhere",)) == set()
        cloud.inside.calls.clear()
        assert gateway.groups_of(tuple(f"i-{number:04}" for number in range(1, 31))) == {"asg-1"}
        assert len(cloud.calls("DescribeScalingInstances")) == 2  # twenty ids a call


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"TotalCount": 1, "ScalingInstances": {"ScalingInstance": []}},
        {"Code": "Throttling", "RequestId": "R-1"},
    ],
)
def test_a_reply_that_lacks_its_list_never_says_that_an_instance_is_in_no_group(
    reply: object,
) -> None:
    actions: list[str] = []

    def reply_to(action: str) -> object:
        actions.append(action)
        return reply

    with answering(reply_to) as gateway, pytest.raises(TryLater, match="Inconsistent"):
        gateway.groups_of(("i-0001",))
    assert len(actions) == 2  # read once more
