"""What a fleet file declares besides groups: queues, topics, alert rules, and triggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.cloud import LocalCloud
from localcloud.ess.service import Service
from localcloud.fleet import FleetError
from localcloud.functions.fleet_function import SERVICE, FleetFunction
from localcloud.functions.model import FcError
from localcloud.functions.triggers import add_trigger
from localcloud.monitor.rule import Escalation, MetricRule, Target
from localcloud.queues.errors import MnsError
from localcloud.queues.model import Attributes
from localcloud.queues.service import QueueService
from localcloud.queues.topics import Subscription, Topic

ATTRIBUTES = {  # of a queue, by their names in the file
    "delaySeconds": "delay_seconds",
    "visibilityTimeout": "visibility_timeout",
    "messageRetentionPeriod": "message_retention_period",
    "pollingWaitSeconds": "polling_wait_seconds",
    "deadLetterQueue": "dead_letter_queue",
    "maxReceiveCount": "max_receive_count",
}


def add_declared(document: Mapping[str, Any], cloud: LocalCloud) -> None:
    """Adds queues, topics and alert rules of the document. Raises FleetError."""
    try:
        _add_queues(document, cloud.queues)
        _add_topics(document, cloud.queues)
    except MnsError as error:
        raise FleetError(f"queues or topics: {error}") from error
    _add_metric_rules(document, cloud.service)


def deploy_declared(function: FleetFunction) -> None:
    """Deploys the fleet's function, and adds its triggers. Raises FleetError.

    One of a saved state has the triggers of that.
    """
    registry = function.platform.registry
    service = registry.services.get(SERVICE)
    is_saved = service is not None and function.name in service.functions
    try:
        function.deploy()
        if is_saved:
            return
        config = function.settings.get("asyncInvokeConfig")
        if config:
            registry.put_async_config(SERVICE, function.name, dict(config))
        deployed = registry.function(SERVICE, function.name)
        for trigger in function.settings.get("triggers", ()):
            add_trigger(registry, deployed, dict(trigger))
    except FcError as error:
        raise FleetError(f"function {function.name}: {error}") from error


def _add_queues(document: Mapping[str, Any], queues: QueueService) -> None:
    for entry in document.get("queues", ()):
        fields = {ATTRIBUTES[name]: value for name, value in entry.items() if name != "name"}
        queues.create_queue(entry["name"], Attributes(**fields))


def _add_topics(document: Mapping[str, Any], queues: QueueService) -> None:
    now = queues.clock.now()
    for entry in document.get("topics", ()):
        queues.create_topic(Topic(entry["name"], queues.account_id, now, now))
        for one in entry.get("subscriptions", ()):
            subscription = Subscription(one["name"], one["endpoint"], now, now)
            subscription.filter_tag = one.get("filterTag", "")
            subscription.notify_content_format = one.get("notifyContentFormat", "XML")
            queues.subscribe(entry["name"], subscription)


def _add_metric_rules(document: Mapping[str, Any], service: Service) -> None:
    for entry in document.get("metricRules", ()):
        condition = entry["condition"]
        escalation = Escalation(
            condition.get("statistics", "Average"),
            condition["comparisonOperator"],
            condition["threshold"],
            condition.get("times", 3),
        )
        targets = [Target(str(n), arn) for n, arn in enumerate(entry.get("targets", ()), 1)]
        service.metric_rules[entry["ruleId"]] = MetricRule(
            entry["ruleId"],
            entry.get("ruleName", entry["ruleId"]),
            entry["namespace"],
            entry["metricName"],
            service.clock.now(),
            [dict(resource) for resource in entry["resources"]],
            entry.get("period", 60),
            entry.get("silenceTime", 86_400),
            {condition.get("level", "WARN"): escalation},
            targets,
        )
