"""Events to fire: files of a folder, and what its README says of each, grouped by sender."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
FOLDERS = (
    PACKAGE / "events",  # in the distribution of the local cloud
    PACKAGE.parent / "scalein_cli/files/events",  # in that of `scalein`
    PACKAGE.parent / "events",  # in a checkout
)
ROW = re.compile(r"^\| *([\w.-]+)\.json *\|([^|]*)\|(?:([^|]*)\|)? *$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
DIRECT = "Removal requests, invoked directly"
# By the beginning of a name; the first that fits.
SENDERS = (
    ("cloudmonitor-", "CloudMonitor"),
    ("http-cloudmonitor-", "CloudMonitor, by HTTP callback"),
    ("http-event-subscription", "CloudMonitor, by HTTP callback"),
    ("http-alertmanager-", "Prometheus Alertmanager"),
    ("http-prometheus", "Prometheus Alertmanager"),
    ("alerts-", "Prometheus Alertmanager"),
    ("http-grafana", "Grafana"),
    ("http-arms", "ARMS"),
    ("http-sls", "Simple Log Service"),
    ("sls-", "Simple Log Service"),
    ("http-get-event-subscription", "CloudMonitor, by HTTP callback"),
    ("gateway-cloudmonitor", "CloudMonitor, by HTTP callback"),
    ("http-mns", "Message Service: topic"),
    ("http-", "HTTP trigger"),
    ("eventbridge-", "EventBridge"),
    ("ess-", "Auto Scaling"),
    ("mns-topic-", "Message Service: topic"),
    ("mns-queue-", "Message Service: queue"),
    ("rocketmq-", "RocketMQ"),
    ("rabbitmq-", "RabbitMQ"),
    ("kafka-", "Kafka"),
    ("mqtt", "MQTT"),
    ("timer", "Timer"),
    ("foreign-", "Triggers that have nothing to do with removals"),
)


@dataclass(frozen=True)
class EventLibrary:
    """The events of one folder; none where there is no such folder."""

    folder: Path | None

    def names(self) -> list[str]:
        """Returns the names of the events, sorted."""
        paths = sorted(self.folder.glob("*.json")) if self.folder else []
        return [path.stem for path in paths if not path.name.endswith(".expected.json")]

    def text(self, name: str) -> str:
        """Returns an event. Raises KeyError where there is none of that name."""
        if self.folder is None or name not in self.names():
            raise KeyError(name)
        return (self.folder / f"{name}.json").read_text(encoding="utf-8")

    def groups(self) -> list[dict[str, Any]]:
        """Returns [{"sender", "events": [{"name", "story", "setup"}]}], direct requests first."""
        described = self._descriptions()
        order = [DIRECT, *dict.fromkeys(sender for _, sender in SENDERS)]
        by_sender: dict[str, list[dict[str, str]]] = {sender: [] for sender in order}
        for name in self.names():
            story, setup = described.get(name, ("", ""))
            event = {"name": name, "story": story, "setup": setup}
            by_sender[sender_of(name)].append(event)
        return [{"sender": name, "events": events} for name, events in by_sender.items() if events]

    def _descriptions(self) -> dict[str, tuple[str, str]]:
        readme = self.folder / "README.md" if self.folder else None
        if readme is None or not readme.exists():
            return {}
        rows = ROW.findall(readme.read_text(encoding="utf-8"))
        return {name: (_plain(story), _plain(setup)) for name, story, setup in rows}


def event_library(folder: Path | None) -> EventLibrary:
    """Returns the events of a folder; those that come with the local cloud where it has none."""
    candidates = [folder, *FOLDERS] if folder else FOLDERS
    return EventLibrary(next((one for one in candidates if one and one.is_dir()), None))


def sender_of(name: str) -> str:
    return next((sender for start, sender in SENDERS if name.startswith(start)), DIRECT)


def _plain(markdown: str) -> str:
    return LINK.sub(r"\1", markdown).replace("`", "").strip()
