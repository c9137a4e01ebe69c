"""An alarm of a monitor, as all dialects give it."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple


class Scope(Enum):
    """How much of a scaling group an alarm is of."""

    GROUP = "group"  # the whole group; nothing in the alarm names one instance
    INSTANCES = "instances"
    UNKNOWN = "unknown"  # it may be of one instance, whose id cannot be read


class Subject(NamedTuple):
    """What an alarm is of."""

    scope: Scope
    instance_ids: tuple[str, ...] = ()  # those that can be read
    naming_field: str = ""  # the field for which it counts as one of an instance
    conflicting_fields: tuple[str, ...] = ()  # two that name different instances: no id counts


class Alarm(NamedTuple):
    """An alarm of a monitor. The policy's rules say what is requested for it."""

    idempotency_key: str
    attributes: Mapping[str, tuple[str, ...]]  # by the names in a rule's `when`
    subject: Subject  # no default: each dialect must say it
    sent_at: datetime | None = None
    observation: str = ""  # what later alarms observe again; empty: this event happens once
    exact_names: tuple[str, ...] = ()  # attributes that a rule must name, exactly and without *
    region_ids: tuple[str, ...] = ()  # of what happened to instances, as far as it is known
    episode: str = ""  # key that all alerts of a group share which began with it; "": it is alone
    began_at: datetime | None = None  # of an episode
    ends_at: datetime | None = None  # from then on it is over; None: its sender says when

    @property
    def instance_ids(self) -> tuple[str, ...]:
        """Ids of the instances that it names."""
        return self.subject.instance_ids

    @property
    def is_of_group(self) -> bool:
        """Whether it is of a whole group for certain."""
        return self.subject.scope is Scope.GROUP and not self.instance_ids
