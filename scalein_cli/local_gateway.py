"""Auto Scaling of the local cloud in this process, as the function's gateway. No network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from localcloud.errors import ApiError
from localcloud.ess.catalogue import perform
from localcloud.ess.service import Service
from localcloud.monitor.series import value_at
from scalein.cloud.error_codes import error_of
from scalein.cloud.gateway import GROUP_ONLY, Removal
from scalein.cloud.replies import (
    PAGE_SIZE,
    activities_of,
    activity_id_of,
    group_of,
    groups_of_members,
    page_of,
    snapshot_of,
)
from scalein.decision.model import Activity, Metric, ReadScope, Sample, Snapshot
from scalein.errors import Refused

MAX_IDS = 20  # of instances or activities in one call


class LocalGateway:
    """The gateway. `snapshots` has the first one of each group since it was cleared, by id."""

    def __init__(self, service: Service) -> None:
        self.snapshots: dict[str, Snapshot] = {}
        self._service = service
        self._started_at = service.clock.now()

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        now = self._service.clock.now()
        by_id = {"ScalingGroupId.1": scaling_group_id}
        group = group_of(self._call("DescribeScalingGroups", by_id), scaling_group_id)
        if group is None:
            sentence = "there is no such scaling group in the fleet."
            raise Refused("DescribeScalingGroups", "InvalidScalingGroupId.NotFound", sentence)
        parameters = {"ScalingGroupId": scaling_group_id, "PageSize": str(PAGE_SIZE)}
        pages = [
            page_of(reply, scaling_group_id, {})
            for reply in self._pages("DescribeScalingInstances", parameters)
        ]
        snapshot = snapshot_of(group, pages, now)
        since = now - timedelta(seconds=read_scope.history_seconds)
        metric = read_scope.metric
        snapshot = snapshot._replace(
            activities=self.history(scaling_group_id, since)
            if read_scope.history_seconds
            else None,
            samples=self._samples(scaling_group_id, metric, now) if metric else None,
        )
        self.snapshots.setdefault(scaling_group_id, snapshot)
        return snapshot

    def check_removal(self) -> None:
        """Never paused."""

    def remove(self, removal: Removal) -> str:
        options = {
            "RemovePolicy": removal.options.remove_policy,
            "DecreaseDesiredCapacity": removal.options.decrease_desired_capacity,
            "StopInstanceTimeout": removal.options.stop_instance_timeout_seconds,
        }
        parameters = {
            "ScalingGroupId": removal.scaling_group_id,
            "ClientToken": removal.client_token,
            **_listed("InstanceId", removal.instance_ids),
            **{name: _text(value) for name, value in options.items() if value is not None},
        }
        return activity_id_of(self._call("RemoveInstances", parameters))

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        activities: list[Activity] = []
        for start in range(0, len(activity_ids), MAX_IDS):
            ids = _listed("ScalingActivityId", activity_ids[start : start + MAX_IDS])
            parameters = {**ids, "PageSize": "50"}
            activities += activities_of(self._call("DescribeScalingActivities", parameters))
        return tuple(activities)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        parameters = {"ScalingGroupId": scaling_group_id, "PageSize": "50"}
        return tuple(
            activity
            for page in self._pages("DescribeScalingActivities", parameters)
            for activity in activities_of(page, scaling_group_id)
            if activity.ended_at is None or activity.ended_at >= since
        )

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        group_ids: set[str] = set()
        for start in range(0, len(instance_ids), MAX_IDS):
            ids = instance_ids[start : start + MAX_IDS]
            parameters = {**_listed("InstanceId", ids), "PageSize": "50"}
            group_ids |= groups_of_members(self._call("DescribeScalingInstances", parameters), ids)
        return group_ids

    def _samples(self, scaling_group_id: str, metric: Metric, now: datetime) -> dict[str, Sample]:
        """The newest metric values by instance id, as old as the fleet file says."""
        samples = {}
        for member in self._service.groups[scaling_group_id].instances.values():
            taken_at = now - timedelta(seconds=member.metrics_age_seconds)
            seconds = (taken_at - self._started_at).total_seconds()
            value = value_at(member, metric.name, seconds)
            if value is not None:
                samples[member.instance_id] = Sample(value, taken_at)
        return samples

    def _pages(self, action: str, parameters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """All pages, as many as TotalCount says."""
        seen, number, total = 0, 1, 1
        while seen < total:
            page = self._call(action, {**parameters, "PageNumber": str(number)})
            seen, number, total = seen + page["PageSize"], number + 1, page["TotalCount"]
            yield page

    def _call(self, action: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """The reply. Raises GatewayError, as the function maps ESS's codes."""
        place = {"RegionId": self._service.region_id, "Version": "2014-08-28"}
        try:
            return perform(self._service, {**parameters, **place, "Action": action})
        except ApiError as error:
            raise error_of(action, error.code, error.status) from error


def _listed(name: str, values: tuple[str, ...]) -> dict[str, str]:
    return {f"{name}.{number}": value for number, value in enumerate(values, 1)}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
