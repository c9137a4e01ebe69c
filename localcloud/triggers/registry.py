"""The triggers of functions, as they were declared; of both generations of Function Compute."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from localcloud.clock import Clock
from localcloud.functions.model import LATEST, NATIVE, FcError
from localcloud.triggers.timer import schedule_of

NAME = re.compile("[A-Za-z_][A-Za-z0-9_-]{0,127}")
# All that the API knows; of the others, none ever fires here.
TYPES = ("eventbridge", "http", "timer", "mns_topic", "oss", "log", "tablestore", "cdn_events")
MODES = ("event-streaming", "event-driven")
MAX_TRIGGERS = 50  # of a function: help page "Limits"

Key = tuple[str, str]  # service, empty for a function of 3.0, and function


@dataclass
class Trigger:
    """One trigger of a function."""

    service: str
    function: str
    name: str
    kind: str  # triggerType
    config: dict[str, Any]
    created_at: datetime
    modified_at: datetime
    qualifier: str = LATEST
    source_arn: str = ""
    invocation_role: str = ""
    description: str = ""
    id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def is_enabled(self) -> bool:
        key = "triggerEnable" if self.kind == "eventbridge" else "enable"
        return bool(self.config.get(key, True))

    @property
    def queue_name(self) -> str:
        """The queue of MNS that it reads; empty where it reads none."""
        source = self.config.get("eventSourceConfig") or {}
        if self.kind != "eventbridge" or source.get("eventSourceType") != "MNS":
            return ""
        return str(self.queue_parameters.get("QueueName") or "")

    @property
    def queue_parameters(self) -> dict[str, Any]:
        source = self.config.get("eventSourceConfig") or {}
        parameters = source.get("eventSourceParameters") or {}
        return dict(parameters.get("sourceMNSParameters") or {})

    @property
    def topic_name(self) -> str:
        """The topic of MNS that invokes it; empty where none does."""
        match = re.search("topics/([^/]+)", self.source_arn) if self.kind == "mns_topic" else None
        return match[1] if match else ""


@dataclass
class Triggers:
    """All triggers. Every method raises FcError where the API refuses."""

    clock: Clock
    by_function: dict[Key, dict[str, Trigger]] = field(default_factory=dict)

    def all(self) -> list[Trigger]:
        return [trigger for named in list(self.by_function.values()) for trigger in named.values()]

    def of(self, key: Key) -> dict[str, Trigger]:
        """Returns the triggers of a function by their names."""
        return self.by_function.setdefault(key, {})

    def get(self, key: Key, name: str) -> Trigger:
        if name not in self.of(key):
            raise FcError(404, "TriggerNotFound", f"trigger '{name}' does not exist")
        return self.of(key)[name]

    def create(self, key: Key, body: dict[str, Any]) -> Trigger:
        """Adds a trigger as CreateTrigger describes it."""
        name, kind = str(body.get("triggerName") or ""), str(body.get("triggerType") or "")
        if not NAME.fullmatch(name):
            raise FcError(400, "InvalidArgument", "triggerName is no valid name")
        if kind not in TYPES:
            raise FcError(400, "InvalidArgument", f"triggerType is one of {', '.join(TYPES)}")
        if name in self.of(key):
            raise FcError(409, "TriggerAlreadyExists", f"trigger '{name}' already exists")
        if len(self.of(key)) >= MAX_TRIGGERS:
            raise FcError(400, "InvalidArgument", f"a function has {MAX_TRIGGERS} triggers at most")
        now = self.clock.now()
        trigger = Trigger(*key, name, kind, _config(body), now, now)
        _change(trigger, body)
        self.of(key)[name] = trigger
        return trigger

    def update(self, key: Key, name: str, body: dict[str, Any]) -> Trigger:
        """Changes a trigger. The source of events stays as it is (model EventSourceConfig)."""
        trigger = self.get(key, name)
        if body.get("triggerConfig") is not None:
            source = trigger.config.get("eventSourceConfig")
            trigger.config = _config(body)
            if source is not None:
                trigger.config["eventSourceConfig"] = source
        _change(trigger, body)
        trigger.modified_at = self.clock.now()
        return trigger

    def delete(self, key: Key, name: str) -> None:
        self.get(key, name)
        del self.of(key)[name]


def described(trigger: Trigger, base_url: str) -> dict[str, Any]:
    """Returns what the API says of a trigger. The configuration is text in 3.0, as its SDK has it.

    `base_url`: where this cloud is, for the address of an HTTP trigger.
    """
    is_native = trigger.service == NATIVE
    config: Any = json.dumps(trigger.config) if is_native else trigger.config
    answer = {
        "triggerId": trigger.id,
        "triggerName": trigger.name,
        "triggerType": trigger.kind,
        "triggerConfig": config,
        "qualifier": trigger.qualifier,
        "sourceArn": trigger.source_arn or None,
        "invocationRole": trigger.invocation_role or None,
        "description": trigger.description,
        "createdTime": trigger.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lastModifiedTime": trigger.modified_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": "",
    }
    if trigger.kind == "http":
        url = f"{base_url.rstrip('/')}{http_path(trigger)}"
        addresses = {"urlInternet": url, "urlIntranet": url}
        answer.update({"httpTrigger": addresses} if is_native else addresses)
    return {name: value for name, value in answer.items() if value is not None}


def http_path(trigger: Trigger) -> str:
    """Returns the path that stands for the domain which an HTTP trigger has in the cloud."""
    service = f"{trigger.service}." if trigger.service else ""
    return f"/fcapp.run/{service}{trigger.function}"


def _change(trigger: Trigger, body: dict[str, Any]) -> None:
    trigger.qualifier = body.get("qualifier") or trigger.qualifier
    trigger.source_arn = body.get("sourceArn") or trigger.source_arn
    trigger.invocation_role = body.get("invocationRole") or trigger.invocation_role
    trigger.description = body.get("description") or trigger.description
    _check(trigger)


def _config(body: dict[str, Any]) -> dict[str, Any]:
    """Returns the configuration: an object, or its text."""
    config = body.get("triggerConfig") or {}
    try:
        return dict(json.loads(config) if isinstance(config, str) else config)
    except (TypeError, ValueError) as error:
        raise FcError(400, "InvalidArgument", "triggerConfig is no JSON object") from error


def _check(trigger: Trigger) -> None:
    """Raises FcError where the configuration cannot work."""
    if trigger.kind == "timer":
        try:
            schedule_of(str(trigger.config.get("cronExpression") or ""))(trigger.created_at)
        except ValueError as error:
            raise FcError(400, "InvalidArgument", f"cronExpression: {error}") from error
    source = trigger.config.get("eventSourceConfig") or {}
    if source.get("eventSourceType") == "MNS" and not trigger.queue_name:
        raise FcError(400, "InvalidArgument", "sourceMNSParameters needs QueueName")
    mode = (trigger.config.get("runOptions") or {}).get("mode", MODES[0])
    if mode not in MODES:
        raise FcError(400, "InvalidArgument", f"mode is one of {', '.join(MODES)}")
