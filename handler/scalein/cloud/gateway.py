"""What processing needs of ESS, as a protocol; and two gateways that wrap another."""

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
    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        """The group, all of its instances, and what else is needed. Raises GatewayError; never a part of it."""

    def remove(self, removal: Removal) -> str:
        """The id of the scaling activity, once ESS accepted. Raises GatewayError."""

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        """As far as ESS still knows them. Raises GatewayError."""

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        """The group's activities that ran at any time since then, newest first. Raises GatewayError."""

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        """The scaling groups that have any of these instances. Raises GatewayError."""


class DryRun:
    """A gateway that reads and never removes: the net below a dry run, which calls no remove."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        return self._gateway.snapshot(scaling_group_id, read_scope)

    def remove(self, removal: Removal) -> str:  # noqa: ARG002 (the protocol's)
        raise TryLater("RemoveInstances", "DryRun", "the dry run is on: no call is made.")

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        return self._gateway.activities(activity_ids)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        return self._gateway.history(scaling_group_id, since)

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        return self._gateway.groups_of(instance_ids)
