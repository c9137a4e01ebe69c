"""Functions and their triggers as the console shows them: values for JSON."""

from __future__ import annotations

from typing import Any

from localcloud.console.rows import Rows
from localcloud.functions.model import NATIVE, Function, Service
from localcloud.functions.platform import Platform
from localcloud.triggers.registry import Trigger, triggers_in
from localcloud.triggers.runner import Runner
from localcloud.triggers.timer import schedule_of


def label_of(service: str, function: str) -> str:
    """Returns SERVICE/FUNCTION; of a function of 3.0, which has no service, its name."""
    return function if service == NATIVE else f"{service}/{function}"


def function_rows(platform: Platform | None) -> Rows:
    """Returns the functions of both generations."""
    if platform is None:
        return {}
    registry = platform.registry
    services = [*list(registry.services.values()), *list(registry.natives.values())]
    return {
        label_of(service.name, function.name): _function(platform, service, function)
        for service in services
        for function in list(service.functions.values())
    }


def trigger_rows(runner: Runner | None) -> Rows:
    """Returns the triggers of all functions, by their ids."""
    if runner is None:
        return {}
    triggers = list(triggers_in(runner.platform.registry))
    return {trigger.id: _trigger(runner, trigger) for trigger in triggers}


def _function(platform: Platform, service: Service, function: Function) -> Rows:
    description, name = function.description, function.name
    config = service.async_configs.get((function.qualifier, name)) or {}
    destinations = config.get("destinationConfig") or {}
    return {
        "id": label_of(function.service, name),
        "name": name,
        "service": function.service,
        "generation": "3.0" if function.is_native else "2.0",
        "runtime": function.runtime,
        "handler": function.handler,
        "initializer": function.initializer,
        "timeout": function.timeout,
        "memory": function.memory_size,
        "codeSize": description.get("codeSize"),
        "changed": description.get("lastModifiedTime", ""),
        "environment": sorted(function.environment),
        "versions": sorted(service.versions, key=int),
        "aliases": {alias: one["versionId"] for alias, one in list(service.aliases.items())},
        "limit": platform.registry.max_concurrency(function),
        "instances": len(platform.pool.instances(function.key)),
        "busy": _busy(platform, function),
        "retries": config.get("maxAsyncRetryAttempts"),
        "onSuccess": (destinations.get("onSuccess") or {}).get("destination", ""),
        "onFailure": (destinations.get("onFailure") or {}).get("destination", ""),
    }


def _busy(platform: Platform, function: Function) -> int:
    """Returns how many invocations run, under whatever qualifier."""
    running = list(platform.pool.busy.items())
    if function.is_native:
        return sum(count for owner, count in running if owner == function.name)
    begin, end = f"{function.service}.", f"/{function.name}"
    return sum(n for owner, n in running if owner.startswith(begin) and owner.endswith(end))


def _trigger(runner: Runner, trigger: Trigger) -> Rows:
    state, detail = _state(runner, trigger)
    return {
        "id": trigger.id,
        "name": trigger.name,
        "type": trigger.kind,
        "function": label_of(trigger.service, trigger.function),
        "qualifier": trigger.qualifier,
        "enabled": trigger.is_enabled,
        "source": _source(trigger),
        "queue": trigger.queue_name,
        "topic": trigger.topic_name,
        "state": state,
        "detail": detail,
    }


def _source(trigger: Trigger) -> str:
    """Returns what invokes the function, in words."""
    config: dict[str, Any] = trigger.config
    if trigger.queue_name:
        return f"queue {trigger.queue_name}"
    if trigger.topic_name:
        tag = config.get("filterTag")
        return f"topic {trigger.topic_name}{f', tag {tag}' if tag else ''}"
    if trigger.kind == "timer":
        return str(config.get("cronExpression") or "")
    if trigger.kind == "http":
        service = f"{trigger.service}." if trigger.service else ""
        return f"/fcapp.run/{service}{trigger.function}"
    if trigger.bus_pattern is not None:
        return "default bus"
    return str(trigger.description["sourceArn"])


def _state(runner: Runner, trigger: Trigger) -> tuple[str, str]:
    """Returns a word, and what it means: enabled, retrying, disabled, or without effect here."""
    if not trigger.is_enabled:
        return "disabled", ""
    if trigger.kind == "timer":
        try:
            schedule_of(str(trigger.config.get("cronExpression") or ""))
        except ValueError as error:
            return "without effect", f"the schedule is wrong: {error}"
    elif not (_source(trigger) and _fires(trigger)):
        return "without effect", "kept and described; it never fires here"
    stream = runner.streams.get(trigger.id)
    if stream is None or not stream.attempts:
        dead = stream.dead if stream else 0
        return "enabled", f"{dead} given up" if dead else ""
    word = "attempt" if stream.attempts == 1 else "attempts"
    return "retrying", f"{stream.attempts} {word} failed of a batch of {len(stream.batch)}"


def _fires(trigger: Trigger) -> bool:
    is_read = bool(trigger.queue_name or trigger.topic_name)
    return is_read or trigger.kind == "http" or trigger.bus_pattern is not None
