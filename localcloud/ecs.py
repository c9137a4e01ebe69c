"""Elastic Compute Service (2014-05-26), as far as it is read: DescribeInstances, and tags.

Tags of an instance are those of the configuration that it was made by and of its fleet file, and
the tag of Auto Scaling, which names its group (help page "Node pool labels" of ACK)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.actions.action import Action
from localcloud.ess.catalogue import perform_beside
from localcloud.ess.members import listed
from localcloud.ess.model import Instance, ScalingGroup
from localcloud.ess.parameters import (
    NEXT_TOKEN,
    REGION,
    Request,
    integer,
    one_of,
    records,
    text,
    texts,
)
from localcloud.ess.service import Service
from localcloud.ess.state import EssState
from localcloud.ess.views import minute, private_ip_address
from localcloud.json_text import parse_json
from localcloud.wire import Params

VERSION = "2014-05-26"
GROUP_TAG = "acs:autoscaling:scalingGroupId"
MAX_IDS = 100


def describe_instances(state: EssState, request: Request) -> Reply:
    """Returns the instances of all groups, also those that left one and still exist, in pages."""
    wanted = [(tag.get("Key", ""), tag.get("Value")) for tag in request["Tag"]]
    ids = _ids(request["InstanceIds"])
    found = [
        (group, instance)
        for group, instance in _instances(state)
        if (ids is None or instance.instance_id in ids)
        and request["Status"] in (None, instance.ecs_status)
        and _has_tags(state, group, instance, wanted)
    ]
    size = request["MaxResults"] or request["PageSize"]
    by_token = request["MaxResults"] or request["NextToken"]
    start = int(request["NextToken"] or 0) if by_token else (request["PageNumber"] - 1) * size
    page = found[start : start + size]
    more = {"NextToken": str(start + size)} if by_token and start + size < len(found) else {}
    return {
        "TotalCount": len(found),
        "PageNumber": request["PageNumber"],
        "PageSize": size,
        "NextToken": "",
        **more,
        "Instances": {"Instance": [_view(state, *pair) for pair in page]},
    }


def list_tag_resources(state: EssState, request: Request) -> Reply:
    """Returns the tags of instances, by their ids, by tags, or both."""
    wanted = [(tag.get("Key", ""), tag.get("Value")) for tag in request["Tag"]]
    entries = [
        {"ResourceId": i.instance_id, "ResourceType": "instance", "TagKey": k, "TagValue": v}
        for group, i in _instances(state)
        if not request["ResourceId"] or i.instance_id in request["ResourceId"]
        if _has_tags(state, group, i, wanted)
        for k, v in tags_of(state, group, i).items()
    ]
    return {"NextToken": "", "TagResources": {"TagResource": entries}}


def tags_of(state: EssState, group: ScalingGroup, instance: Instance) -> dict[str, str]:
    """Returns an instance's tags, value by key."""
    configuration = state.configurations.get(instance.scaling_configuration_id)
    made_with = configuration.attributes.get("Tags", ()) if configuration else ()
    system = {GROUP_TAG: group.scaling_group_id}
    joined = system if instance.instance_id in group.instances else {}
    return {**{tag["Key"]: tag["Value"] for tag in made_with}, **instance.tags, **joined}


def _instances(state: EssState) -> Iterator[tuple[ScalingGroup, Instance]]:
    """Yields each machine that exists, with its group or the one that it left."""
    for group in state.groups.values():
        for instance in group.instances.listed():
            yield group, instance
    for group in state.groups.values():
        for instance in listed(group.departed):
            if instance.ecs_status != "Released" and state.group_of(instance.instance_id) is None:
                yield group, instance


def _has_tags(
    state: EssState,
    group: ScalingGroup,
    instance: Instance,
    wanted: list[tuple[str, str | None]],
) -> bool:
    """Whether the instance has each of the tags; one without a value has any."""
    if not wanted:
        return True
    tags = tags_of(state, group, instance)
    return all(key in tags and value in (None, "", tags[key]) for key, value in wanted)


def _ids(text: str | None) -> list[str] | None:
    """Parses InstanceIds, a JSON list of up to 100; None where there is none. Raises ApiError."""
    if text is None:
        return None
    try:
        ids = parse_json(text)
    except ValueError as error:
        raise errors.InvalidParameter("InstanceIds") from error
    if not isinstance(ids, list) or len(ids) > MAX_IDS:
        raise errors.InvalidParameter("InstanceIds")
    return [str(id) for id in ids]


def _view(state: EssState, group: ScalingGroup, instance: Instance) -> dict[str, Any]:
    tags = tags_of(state, group, instance)
    return {
        "InstanceId": instance.instance_id,
        "InstanceName": instance.instance_id,
        "RegionId": state.region_id,
        "ZoneId": instance.zone_id,
        "Status": instance.ecs_status,
        "InstanceType": instance.instance_type,
        "CreationTime": minute(instance.created_at),
        "InstanceChargeType": "PostPaid",
        "SpotStrategy": instance.spot_strategy or "NoSpot",
        "VpcAttributes": {"PrivateIpAddress": {"IpAddress": [private_ip_address(instance)]}},
        "Tags": {"Tag": [{"TagKey": k, "TagValue": v} for k, v in tags.items()]},
    }


ACTIONS = {
    action.name: action
    for action in (
        Action(
            "DescribeInstances",
            describe_instances,
            (
                *(REGION, text("InstanceIds"), records("Tag"), NEXT_TOKEN),
                one_of("Status", "Pending", "Running", "Starting", "Stopping", "Stopped"),
                integer("PageNumber", 1, 1_000_000, default=1),
                integer("PageSize", 1, 100, default=10),
                integer("MaxResults", 1, 100),
            ),
        ),
        Action(
            "ListTagResources",
            list_tag_resources,
            (
                *(REGION, one_of("ResourceType", "instance", required=True)),
                *(texts("ResourceId", 50), records("Tag")),
            ),
        ),
    )
}


def perform(service: Service, params: Params) -> Reply:
    """Performs the action that the parameters name; returns its reply. Raises ApiError."""
    return perform_beside(ACTIONS, service, params)
