"""A local cloud in this process, its clock driven, and clients that reach it over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest

from localcloud.authenticator import Authenticator
from localcloud.ess.model import Assumptions, ScalingGroup
from localcloud.fleet import service_of
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.server import LocalCloud, running
from scalein.clock import Deadline
from scalein.cloud.ess import EssGateway
from scalein.settings import Credentials, Settings
from tests.support.clock import NOON, DrivenClock
from tests.support.deployment import KEY, settings_of
from tests.support.fleets import MAY


def instances(count: int, prefix: str = "i", **fields: Any) -> list[dict[str, Any]]:
    """Members that joined a minute apart, oldest first."""
    return [
        {
            "instanceId": f"{prefix}-{number:04}",
            "createdTime": (MAY + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "scalingConfigurationId": "asc-1",
            **fields,
        }
        for number in range(1, count + 1)
    ]


def group(*members: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    attributes = {"scalingGroupId": "asg-1", "minSize": 0, "maxSize": 2_000, **fields}
    return {**attributes, "instances": list(members)}


@dataclass
class Cloud:
    """The local cloud, where it is, and how to speak to it."""

    inside: LocalCloud
    endpoint: str
    clock: DrivenClock

    @property
    def group(self) -> ScalingGroup:
        return self.inside.service.groups["asg-1"]

    def states(self) -> dict[str, str]:
        self.inside.service.advance()
        return {
            instance.instance_id: instance.lifecycle_state
            for instance in self.group.instances.values()
        }

    def calls(self, action: str) -> list[Mapping[str, str]]:
        return [call.params for call in self.inside.calls if call.action == action]

    def settings(self, credentials: Credentials = KEY, **fields: Any) -> Settings:
        return settings_of(self.endpoint, credentials=credentials, **fields)

    def gateway(
        self, seconds: float = 30, clock: DrivenClock | None = None, **fields: Any
    ) -> EssGateway:
        """The handler's own gateway; its pauses take no real time."""
        return EssGateway(self.settings(**fields), Deadline.after(seconds, clock or DrivenClock()))

    def send(self, request: RpcRequest, key: Credentials = KEY) -> dict[str, Any]:
        """Through the official SDK."""
        client = AcsClient(
            key.access_key_id, key.access_key_secret, "cn-hangzhou", auto_retry=False
        )
        request.set_endpoint(self.endpoint)
        if key.security_token:
            request.add_query_param("SecurityToken", key.security_token)
        return dict(json.loads(client.do_action_with_exception(request)))


@contextmanager
def cloud_of(
    *groups: Mapping[str, Any],
    assumptions: Assumptions | None = None,
    token: str = "",
    start: datetime = NOON,
    **fleet: Any,
) -> Iterator[Cloud]:
    """A local cloud that runs. Where the function uses today's clock, `start` must be now."""
    clock = DrivenClock(start)
    service = service_of({"groups": list(groups), **fleet}, clock, assumptions or Assumptions())
    inside = LocalCloud(
        service,
        Authenticator(KEY.access_key_id, KEY.access_key_secret, token),
        functions=InvocationQueue(clock),
    )
    with running(inside) as endpoint:
        yield Cloud(inside, endpoint, clock)
