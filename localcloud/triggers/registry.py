"""The triggers of all functions, as what invokes functions sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from localcloud.functions.model import NATIVE
from localcloud.functions.registry import Registry
from localcloud.json_text import parse_json


@dataclass(frozen=True)
class Trigger:
    """One trigger of a function."""

    service: str  # NATIVE: of a function of 3.0
    function: str
    description: dict[str, Any]  # what GetTrigger answers

    @property
    def id(self) -> str:
        return str(self.description["triggerId"])

    @property
    def name(self) -> str:
        return str(self.description["triggerName"])

    @property
    def kind(self) -> str:
        return str(self.description["triggerType"])

    @property
    def qualifier(self) -> str:
        return str(self.description["qualifier"])

    @property
    def modified_at(self) -> datetime:
        text = self.description["lastModifiedTime"]
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration: a text in 3.0, an object in 2.0."""
        config = self.description["triggerConfig"] or {}
        return dict(json.loads(config) if isinstance(config, str) else config)

    @property
    def is_enabled(self) -> bool:
        key = "triggerEnable" if self.kind == "eventbridge" else "enable"
        return self.config.get(key, True) is not False

    @property
    def queue_name(self) -> str:
        """The queue of MNS that it reads; empty where it reads none."""
        if self.kind != "eventbridge" or self.pattern is None:
            return ""
        source = part(self.config, "eventSourceConfig")
        parameters = part(source, "eventSourceParameters", "sourceMNSParameters")
        is_queue = source.get("eventSourceType") == "MNS"
        return str(parameters.get("QueueName") or "") if is_queue else ""

    @property
    def bus_pattern(self) -> dict[str, Any] | None:
        """The pattern of the events of EventBridge's default bus that it takes; None: of none."""
        source = part(self.config, "eventSourceConfig")
        if self.kind != "eventbridge" or source.get("eventSourceType") != "Default":
            return None
        return self.pattern

    @property
    def pattern(self) -> dict[str, Any] | None:
        """Which events it takes, of whatever source; None: what it has is no pattern."""
        try:
            return dict(parse_json(self.config.get("eventRuleFilterPattern") or "{}"))
        except (TypeError, ValueError):
            return None

    @property
    def topic_name(self) -> str:
        """The topic of MNS that invokes it; empty where none does."""
        arn = str(self.description["sourceArn"])
        match = re.search("topics/([^/]+)", arn) if self.kind == "mns_topic" else None
        return match[1] if match else ""


def part(config: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Returns an object within a configuration; empty where there is none."""
    for name in names:
        inner = config.get(name)
        config = inner if isinstance(inner, Mapping) else {}
    return config


def triggers_in(registry: Registry) -> Iterator[Trigger]:
    """Yields the triggers of all functions, of both generations."""
    for service_name, service in list(registry.services.items()):
        for function, named in list(service.triggers.items()):
            yield from (Trigger(service_name, function, one) for one in list(named.values()))
    for function, service in list(registry.natives.items()):
        named = service.triggers.get(function, {})
        yield from (Trigger(NATIVE, function, one) for one in list(named.values()))
