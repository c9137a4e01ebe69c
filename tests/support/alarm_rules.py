"""The alarms that alarms.yml makes, and what CloudMonitor sends of them in each documented form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import yaml

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "1234567890123456", "cn-hangzhou"
PSEUDO = {"ALIYUN::Region": REGION, "ALIYUN::TenantId": ACCOUNT, "ALIYUN::StackName": "alarms"}


class AlarmRule(NamedTuple):
    """An alarm rule as CloudMonitor has it once the stack is made."""

    id: str
    name: str
    namespace: str
    metric: str
    level: str
    threshold: str
    resource: Mapping[str, str]  # the dimensions of what it is of
    targets: tuple[str, ...]  # ARNs that get this level


def alarm_rules(**parameters: Any) -> dict[str, AlarmRule]:
    """The rules of alarms.yml with these parameters, by the names of their resources."""
    template = yaml.safe_load((ROOT / "alarms.yml").read_text(encoding="utf-8"))
    values = {
        **{n: p["Default"] for n, p in template["Parameters"].items() if "Default" in p},
        "ContactGroup": "ops",
        **PSEUDO,
        **parameters,
    }
    resources = {
        name: _resolved(resource["Properties"], template, values)
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or _holds(resource["Condition"], template, values)
    }
    targets = [properties for properties in resources.values() if "Targets" in properties]
    return {
        name: _rule(properties, targets)
        for name, properties in resources.items()
        if "RuleName" in properties
    }


def _rule(properties: Mapping[str, Any], all_targets: list[Mapping[str, Any]]) -> AlarmRule:
    [(level, escalation)] = properties["Escalations"].items()
    arns = [
        target["Arn"]
        for targets in all_targets
        if targets["RuleId"] == properties["RuleId"]
        for target in targets["Targets"]
        if level.upper() in json.loads(target["Level"])
    ]
    return AlarmRule(
        id=properties["RuleId"],
        name=properties["RuleName"],
        namespace=properties["Namespace"],
        metric=properties["MetricName"],
        level=level.upper(),
        threshold=escalation["Threshold"],
        resource=properties.get("Resources", [{}])[0],
        targets=tuple(arns),
    )


def _holds(name: str, template: Any, values: Mapping[str, Any]) -> bool:
    return bool(_resolved(template["Conditions"][name], template, values))


def _resolved(value: Any, template: Any, values: Mapping[str, Any]) -> Any:
    """The value with ROS's functions carried out, as far as alarms.yml uses them."""
    if isinstance(value, list):
        return [_resolved(inner, template, values) for inner in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: str(values[found[1]]), text)
        case {"Fn::GetAtt": [name, attribute]}:
            return _resolved(template["Resources"][name]["Properties"][attribute], template, values)
        case {"Fn::Equals": [first, second]}:
            return _resolved(first, template, values) == _resolved(second, template, values)
        case {"Fn::Not": condition}:
            return not _resolved(condition, template, values)
        case {"Fn::If": [name, first, second]}:
            branch = first if _holds(name, template, values) else second
            return _resolved(branch, template, values)
    return {key: _resolved(inner, template, values) for key, inner in value.items()}


def mns_body(rule: AlarmRule, milliseconds: int, level: str = "") -> dict[str, Any]:
    """What CloudMonitor writes to a queue (help page 'Write alerts to MNS')."""
    return {
        "ruleId": rule.id,
        "ruleName": rule.name,
        "curLevel": level or rule.level,
        "preLevel": "OK",
        "resources": json.dumps(rule.resource),
        "escalation": {"level": 3, "statistics": "Average", "threshold": rule.threshold},
        "metricData": {"timestamp": milliseconds, "userId": ACCOUNT, "Average": 1, **rule.resource},
        "metricName": f"{rule.metric}#60",
        "namespace": rule.namespace,
        "period": "60",
        "lastTime": 327_362_743,
        "time": milliseconds,
        "userId": ACCOUNT,
        "eventName": "AlertOk" if level == "OK" else "AlertFiring",
        "eventType": "Alert",
        "batchId": "4272653-1520820001-0",
        "version": "1.0",
    }


def callback_form(rule: AlarmRule, milliseconds: int, state: str = "ALERT", level: str = "") -> str:
    """What CloudMonitor posts to a URL (help page document_detail/60714): texts in a form, the
    dimensions as a Java map.
    """
    dimensions = {"userId": ACCOUNT, **rule.resource}
    return urlencode(
        {
            "alertName": rule.name,
            "alertState": state,
            "curValue": "1",
            "dimensions": f"{{{', '.join(f'{k}={v}' for k, v in dimensions.items())}}}",
            "expression": f"$Average<{rule.threshold}",
            "lastTime": "2 minutes",
            "metricName": rule.metric,
            "namespace": rule.namespace,
            "preTriggerLevel": "null",
            "rawMetricName": rule.metric,
            "regionId": REGION,
            "ruleId": rule.id,
            "timestamp": str(milliseconds),
            "triggerLevel": level or rule.level,
            "userId": ACCOUNT,
        }
    )


def callback_of_2018(rule: AlarmRule, milliseconds: int, state: str = "ALARM") -> dict[str, Any]:
    """What old rules post: JSON, the dimensions as a list (guide 'use alarm callbacks')."""
    return {
        "userId": ACCOUNT,
        "alertName": rule.name,
        "timestamp": str(milliseconds // 1_000),
        "alertState": state,
        "dimensions": [{"userId": ACCOUNT, **rule.resource}],
        "curValue": "1",
        "metricName": rule.metric,
        "metricProject": rule.namespace,
    }


def queue_event(queue: str, body: str, time: str) -> dict[str, Any]:
    """What the trigger of an MNS queue hands to the function for one message."""
    return {
        "id": "c2a71017-6f65-4fcf-a814-a396fc8d0001",
        "source": "MNS-Function-scalein",
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:mns:{REGION}:{ACCOUNT}:queues/{queue}",
        "time": time,
        "aliyunaccountid": ACCOUNT,
        "data": {
            "requestId": "606EA3074344430D4C810001",
            "messageId": "C6DB60D1574661357FA2272774450001",
            "messageBody": body,
        },
    }
