"""One idle instance in a busy tier does not shrink the tier, whatever its alarm looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.reasons import Ignored
from scalein.intake.envelopes import parse_event
from scalein.policy import read_policy
from scalein.processing.batch import BatchProcessor
from scalein.report.outcome import Outcome
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import FakeEss, dependencies_of
from tests.support.fleets import fleet
from tests.support.outcomes import checked


def alarm(**fields: str) -> dict[str, str]:
    return {
        "alertName": "cpu-low",
        "alertState": "ALERT",
        "timestamp": str(int(NOON.timestamp()) - 60),
        **fields,
    }


def outcome_of(ess: FakeEss, document: Any, remove: dict[str, Any] | None = None) -> Outcome:
    """The outcome of an alarm under a policy whose rules remove so much from asg-1."""
    [outcome] = outcomes_of(ess, document, remove)
    return outcome


def outcomes_of(ess: FakeEss, document: Any, remove: dict[str, Any] | None = None) -> list[Outcome]:
    rules = [
        {"when": {name: "*"}, "scalingGroupId": "asg-1", "remove": remove or {"count": 1}}
        for name in ("alertName", "eventName")
    ]
    policy = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": rules}))
    processor = BatchProcessor(policy, dependencies_of(ess, DrivenClock()))
    return checked(processor.process(parse_event(json.dumps(document).encode())))


@pytest.mark.parametrize(
    "dimensions",
    [
        "{userId=1, instanceId=i-1}",
        "{userId=1, instanceId=i-1, device=/dev/vda1}",
        '[{"userId": "1", "instanceId": "i-1"}]',
        "{userId=1, instanceId",
        "instanceId i-1",
        '["i-1"]',
    ],
)
@pytest.mark.parametrize("remove", [{"count": 1}, {"percent": 50}, {"toCapacity": 1}])
def test_an_alarm_of_one_instance_does_not_shrink_its_group(
    dimensions: str, remove: dict[str, Any]
) -> None:
    """Nor one that may be of one instance, for all that can be read of it."""
    ess = FakeEss(fleet(8, 1))
    outcome = outcome_of(ess, alarm(dimensions=dimensions), remove)

    assert (outcome.status.value, outcome.ignored) == ("ignored", Ignored.PER_INSTANCE)
    assert ess.removals == []
    assert "Alarm on a metric of the whole group (alarms.yml), or" in outcome.message
    assert '"remove": {"instanceIds": "alarm"}' in outcome.message


def test_an_alarm_of_one_instance_removes_exactly_it_by_a_rule_that_says_so() -> None:
    one = alarm(dimensions="{userId=1, instanceId=i-7}")
    outcome = outcome_of(FakeEss(fleet(8, 1)), one, {"instanceIds": "alarm"})

    assert (outcome.status.value, outcome.accepted) == ("removing", ("i-7",))


ESS, SLB, CUSTOM = "acs_ess_dashboard", "acs_slb_dashboard", "acs_custom_metric_123"


@pytest.mark.parametrize(
    ("namespace", "dimensions"),
    [
        ("", "{userId=1, scaling_group=asg-1}"),
        ("", "{userId=1,scalingGroupId=asg-1}"),
        ("acs_ecs_dashboard", '{"groupId": "41260001"}'),
        ("acs_ecs_dashboard", "{userId=1, groupId=41260001, regionId=cn-hangzhou}"),
        ("acs_ecs_dashboard", '[{"userId": "1", "scaling_group": "asg-1"}]'),
        (ESS, "{userId=1, scaling_group=asg-1}"),
        (ESS, "{userId=1, instanceId=asg-1}"),
        (ESS, "null"),
        (ESS, "{}"),
        (SLB, "{userId=1, instanceId=lb-1, port=443, vip=203.0.113.7}"),
        ("acs_mns_new", "{userId=1, region=cn-hangzhou, queue=orders}"),
        (CUSTOM, "{groupId=4, queue=orders}"),
    ],
)
def test_an_alarm_of_a_group_or_of_another_product_removes_what_its_rule_says(
    namespace: str, dimensions: str
) -> None:
    whole = alarm(dimensions=dimensions, namespace=namespace, instanceName="null")
    outcome = outcome_of(FakeEss(fleet(8, 1)), whole)

    assert (outcome.status.value, len(outcome.accepted)) == ("removing", 1)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"metricName": "CPUUtilization"},
        {"dimensions": "{}"},
        {"dimensions": "{userId=1, instanceId=i-7;device=vda}"},
        {"dimensions": "{userId=1, instanceId=lb-1}"},
        {"dimensions": "{userId=1, hosts=[a, b]}", "namespace": ESS},
        {"dimensions": "{userId=1, instanceId=i-7}", "namespace": ESS},
        {"dimensions": "{userId=1, backend=i-7}", "namespace": SLB},
        {"dimensions": "{userId=1, cluster=c1, node=a}", "namespace": "acs_k8s"},
        {"dimensions": "{groupId=4, host=web-3}", "namespace": CUSTOM},
        {"dimensions": "{groupId=4, instanceId=web-3}", "namespace": CUSTOM},
        {"dimensions": "{groupId=4, source=10.0.0.5}", "namespace": CUSTOM},
        {"dimensions": '{"resource": {"id": "i-7"}}', "namespace": CUSTOM},
        {"dimensions": "{userId=1, groupId=4}", "instanceName": "web-3"},
        *(
            {"dimensions": dimensions, "namespace": "acs_ecs_dashboard"}
            for dimensions in (
                "null",
                "{}",
                "[]",
                "{userId=1}",
                "{userId=1,instanceId=i-7}",
                "{userId=1, InstanceId=i-7}",
                "{userId=1, instance_id=i-7}",
                "{userId=1, instanceId=a-host-elsewhere}",
                "{userId=1, hostname=web-3}",
                "{userId=1, groupId=4, device=/dev/vda1}",
                "{userId=1, groupId=4, instanceId=}",
                "{userId=1, groupId=0}",
                "{userId=1, groupId=}",
                '[{"groupId": 4}, {"userId": "1"}]',
            )
        ),
    ],
)
def test_an_alarm_that_does_not_show_a_group_counts_as_one_of_an_instance(
    fields: dict[str, str],
) -> None:
    ess = FakeEss(fleet(8, 1))

    assert outcome_of(ess, alarm(**fields)).ignored == Ignored.PER_INSTANCE
    assert ess.removals == []


def test_the_datum_of_one_instance_counts_whatever_the_resource_is() -> None:
    to_a_queue = {
        "ruleName": "cpu-low",
        "curLevel": "WARN",
        "metricName": "cpu_total#60",
        "namespace": "acs_ecs_dashboard",
        "resources": '{"groupId": "4"}',
    }
    one = {**to_a_queue, "metricData": {"userId": "1", "instanceId": "i-7", "Average": 1}}
    whole = {**to_a_queue, "metricData": {"userId": "1", "groupId": "4", "Average": 1}}

    assert outcome_of(FakeEss(fleet(8, 1)), one).ignored == Ignored.PER_INSTANCE
    assert len(outcome_of(FakeEss(fleet(8, 1)), whole).accepted) == 1


def notification(
    *alerts: dict[str, str], common: dict[str, str] | None = None
) -> dict[str, object]:
    return {
        "status": "firing",
        "receiver": "r",
        "alerts": [{"status": "firing", "labels": labels} for labels in alerts],
        "commonLabels": {"alertname": "HighIdle", **(common or {})},
    }


@pytest.mark.parametrize(
    "labels",
    [
        {"tier": "web"},
        {"scaling_group": "asg-1", "severity": "warning"},
        {"job": "node", "cluster": "c1", "namespace": "shop", "deployment": "web"},
        {"node_group": "web", "nodepool": "np-1", "instance_type": "ecs.g7.large"},
    ],
)
def test_alerts_of_a_group_remove_what_their_rule_says(labels: dict[str, str]) -> None:
    assert len(outcome_of(FakeEss(fleet(8, 1)), notification(labels)).accepted) == 1


@pytest.mark.parametrize(
    "labels",
    [
        {"instanceId": "i-1"},
        {"instance_id": "i-1"},
        {"instance": "i-1"},
        {"instance": "i-7:9100"},
        {"instance": "10.0.0.5:9100", "job": "node"},
        {"instance": "web-3.internal"},
        {"instance": ""},
        {"instanceid": "i-1"},
        {"exported_instance": "web-3"},
        {"node": "cn-hangzhou.10.0.0.5"},
        {"kubernetes_node": "a"},
        {"pod": "web-5d9"},
        {"hostname": "web-3"},
        {"主机名": "web-3"},
        {"实例": "web-3"},
        {"实例ID": "web-3"},
        {"computer": "web-3"},
        {"host_ip": "unknown"},
        {"nodename": "web-3"},
        {"ecs": "web-3"},
        {"target": "web-3:9100"},
        {"address": "10.0.0.5"},
        {"address": "[fe80::1]:9100"},
        {"resource": "acs:ecs:cn-hangzhou:1:instance/i-7"},
        {"name": "web-i-bp1example0000000001"},
        {"name": "iZbp1example0000000001Z"},
        {"scaling_group": "asg-1", "instance": "web-3"},
    ],
)
def test_alerts_of_instances_do_not_shrink_their_group(labels: dict[str, str]) -> None:
    """Nor do those that share such a label."""
    for one in (notification(labels), notification({"tier": "web"}, common=labels)):
        ess = FakeEss(fleet(8, 1))
        assert outcome_of(ess, one).ignored == Ignored.PER_INSTANCE
        assert ess.removals == []


@pytest.mark.parametrize("remove", [{"count": 1}, {"instanceIds": "alarm"}])
def test_an_alert_of_an_instance_beside_one_of_its_group_is_judged_by_itself(
    remove: dict[str, Any],
) -> None:
    both = notification({"tier": "web"}, {"instance": "i-7"})
    of_group, of_instance = outcomes_of(FakeEss(fleet(8, 1)), both, remove)

    if "count" in remove:
        assert len(of_group.accepted) == 1
        assert of_instance.ignored == Ignored.PER_INSTANCE
    else:
        assert (of_group.status.value, of_group.accepted) == ("refused", ())
        assert of_instance.accepted == ("i-7",)


def test_the_outcome_names_the_label_that_may_name_an_instance() -> None:
    outcome = outcome_of(FakeEss(fleet(8, 1)), notification({"exported_instance": "web-3"}))

    assert outcome.message.endswith("The alarm's field exported_instance may name an instance.")
    assert "web-3" not in outcome.message


def test_an_id_with_a_port_is_the_id() -> None:
    one = notification({"instance": "i-7:9100"})
    outcome = outcome_of(FakeEss(fleet(8, 1)), one, {"instanceIds": "alarm"})

    assert outcome.accepted == ("i-7",)


SYSTEM = {"product": "ECS", "name": "Instance:X", "id": "1", "content": {}}
ALERT = {"alertStatus": "TRIGGERED", "eventName": "Instance:X", "dedupId": "1"}


@pytest.mark.parametrize(
    "document",
    [
        SYSTEM,
        {**SYSTEM, "content": {"instanceIds": ["i-7"]}},
        {**SYSTEM, "resourceId": "acs:ecs:cn-hangzhou:1:instance/"},
        {**SYSTEM, "resourceId": "i-7 "},
        {**SYSTEM, "groupId": "4"},
        {"subscription": {}, "alert": ALERT},
        {"subscription": {}, "alert": {**ALERT, "groupId": "4", "arn": "acs:ecs:x"}},
        *(
            {"specversion": "1.0", "type": "ecs:Instance:X", "id": "1", "source": "x", "data": data}
            for data in ({"foo": 1}, {"resourceId": "i-7 "}, {"instanceId": "i-7"})
        ),
    ],
)
def test_an_event_is_of_one_instance_whether_or_not_its_id_can_be_read(document: Any) -> None:
    ess = FakeEss(fleet(8, 1))

    assert outcome_of(ess, document).ignored == Ignored.PER_INSTANCE
    assert ess.removals == []


def spellings(word: str) -> st.SearchStrategy[str]:
    """The word in any capitals, with anything between its letters that separates words."""
    letters = [
        st.tuples(st.sampled_from([letter, letter.upper()]), st.sampled_from(["", "_", "-", "."]))
        for letter in word
    ]
    return st.tuples(*letters).map(lambda pairs: "".join(map("".join, pairs)))


WORDS = ("instance", "instanceid", "instancename", "host", "hostname", "node", "pod", "server")
naming_fields = (
    st.tuples(
        st.sampled_from(["", "exported_", "kubernetes_", "ecs_"]),
        st.sampled_from(WORDS).flatmap(spellings),
        st.sampled_from(["", "_id", "Name", "_ip"]),
    )
    .map("".join)
    .flatmap(lambda name: st.tuples(st.just(name), st.text("abi-019:. ", max_size=8)))
)
group_fields = st.dictionaries(
    st.sampled_from(["scaling_group", "groupId", "tier", "job", "userId"]), st.just("x")
)


@given(group_fields, naming_fields, st.sampled_from(["", "acs_ecs_dashboard", CUSTOM]))
def test_no_spelling_of_a_field_of_one_instance_removes_an_amount(
    group: dict[str, str], naming: tuple[str, str], namespace: str
) -> None:
    fields = {**group, naming[0]: naming[1]}
    java = ",".join(f"{name}={value}" for name, value in fields.items())
    for one in (
        notification(fields),
        alarm(dimensions=json.dumps(fields), namespace=namespace),
        alarm(dimensions=f"{{{java}}}", namespace=namespace),
    ):
        assert outcome_of(FakeEss(fleet(3, 1)), one).ignored == Ignored.PER_INSTANCE
