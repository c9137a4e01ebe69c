"""What processing needs of ESS, as a protocol, and the gateway of a dry run."""

from datetime import datetime
from typing import NamedTuple, Protocol

from scalein.decision.model import Activity, ReadScope, RemoveOptions, Snapshot
from scalein.errors import TryLater

GROUP_ONLY = ReadScope()


class Removal(NamedTuple):
    """One RemoveInstances call."""

    scaling_group_id: str
    instance_ids: tuple[str, ...]  # 1 to 20
    client_token: str
    options: RemoveOptions


class Gateway(Protocol):
    """ESS during one invocation. Each method raises GatewayError; none returns a part of a list."""

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        """Returns the group, all of its instances, and what else `read_scope` names."""

    def check_removal(self) -> None:
        """Raises Paused if `remove` would call nothing now. To be asked before an intent is
        recorded, which binds the message to its instances.
        """

    def remove(self, removal: Removal) -> str:
        """Removes the instances; returns the scaling activity id once ESS accepted."""

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        """Returns these scaling activities, less those that ESS no longer knows."""

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        """Returns the group's activities that ran at any time since then, newest first."""

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        """Returns the scaling groups that have any of these instances."""


class DryRun:
    """A gateway that reads and never removes: the last safeguard of a dry run, and of a stopped
    group, which call no `remove`.
    """

    def __init__(
        self,
        gateway: Gateway,
        code: str = "DryRun",
        why: str = "the dry run is on, so no call is made.",
    ) -> None:
        self._gateway = gateway
        self._code, self._why = code, why

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        return self._gateway.snapshot(scaling_group_id, read_scope)

    def check_removal(self) -> None:
        self._gateway.check_removal()

    def remove(self, removal: Removal) -> str:  # noqa: ARG002 (the protocol's)
        raise TryLater("RemoveInstances", self._code, self._why)

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        return self._gateway.activities(activity_ids)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        return self._gateway.history(scaling_group_id, since)

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        return self._gateway.groups_of(instance_ids)
