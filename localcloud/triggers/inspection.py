"""What queues, alert rules and triggers are doing: GET /localcloud/queues, as JSON."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.ess.service import Service
from localcloud.queues.model import Queue
from localcloud.queues.service import QueueService
from localcloud.triggers.runner import Delivery, Runner

MAX_EVENT_CHARACTERS = 100_000


def routes(service: Service, queues: QueueService, runner: Runner | None) -> list[Route]:
    """Returns the route. `runner`: None where there is no Function Compute."""

    async def view(_: Request) -> Response:
        service.advance()
        deliveries = list(runner.deliveries) if runner else []
        return JSONResponse(
            {
                "now": service.clock.now().isoformat(),
                "queues": [_queue(queues, name) for name in sorted(queues.queues)],
                "topics": sorted(queues.topics),
                "lost": list(queues.lost),
                "metricRules": _rules(service),
                "eventRules": _event_rules(service),
                "buses": _buses(service),
                "deliveries": [_delivery(delivery) for delivery in deliveries],
            }
        )

    return [Route("/localcloud/queues", view)]


def _queue(queues: QueueService, name: str) -> dict[str, Any]:
    queue: Queue = queues.queue(name)
    counts = queue.counts(queues.clock.now())
    return {"name": name, **vars(counts), "sent": queue.sent, "deleted": queue.deleted}


def _rules(service: Service) -> list[dict[str, Any]]:
    return [
        {
            "ruleId": rule.rule_id,
            "ruleName": rule.rule_name,
            "namespace": rule.namespace,
            "metricName": rule.metric_name,
            "alertState": rule.alert_state,
            "evaluatedAt": rule.evaluated_at.isoformat() if rule.evaluated_at else None,
            "states": [
                {"resource": resource, "level": state.level, "value": state.value}
                for resource, state in rule.states.items()
            ],
        }
        for rule in service.metric_rules.values()
    ]


def _event_rules(service: Service) -> list[dict[str, Any]]:
    return [
        {
            "ruleName": rule.rule_name,
            "enabled": rule.enabled,
            "pattern": rule.pattern,
            "targets": [*rule.queues.values(), *rule.functions.values()],
        }
        for rule in service.event_rules.values()
    ]


def _buses(service: Service) -> list[dict[str, Any]]:
    """Returns the buses with their rules, and how many deliveries of each are on their way."""
    waiting = [delivery.rule for delivery in service.event_deliveries]
    return [
        {
            "name": bus.name,
            "rules": [
                {
                    "ruleName": rule.name,
                    "enabled": rule.enabled,
                    "pattern": rule.pattern,
                    "targets": [f"{target.type} {target.endpoint}" for target in rule.targets],
                    "waiting": waiting.count(rule.name),
                }
                for rule in bus.rules.values()
            ],
        }
        for bus in service.buses.values()
    ]


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "at": delivery.at.isoformat(),
        "trigger": delivery.trigger,
        "type": delivery.kind,
        "function": delivery.function,
        "attempt": delivery.attempt,
        "error": delivery.error,
        "event": delivery.event.decode("utf-8", "replace")[:MAX_EVENT_CHARACTERS],
        "answer": delivery.answer.decode("utf-8", "replace")[:MAX_EVENT_CHARACTERS],
    }
