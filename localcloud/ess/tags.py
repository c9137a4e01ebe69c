"""Tags of scaling groups."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.parameters import REGION, Ask, boolean, integer, one_of, records, text, texts
from localcloud.ess.service import Service

MOST_TAGS = 20
TYPE = one_of("ResourceType", "scalinggroup", required=True)
IDS = texts("ResourceId", 50, required=True)
MORE = (text("NextToken", pattern="[0-9]{0,9}"), integer("PageSize", 1, 50, default=50))


def tag_resources(service: Service, ask: Ask) -> Reply:
    """All of them, or none."""
    groups = [service.group(id) for id in ask["ResourceId"]]
    if not ask["Tag"]:
        raise errors.MissingParameter("Tag.N")
    tags = [
        {"Key": tag.get("Key", ""), "Value": tag.get("Value", ""), "Propagate": _propagates(tag)} for tag in ask["Tag"]
    ]
    keys = {tag["Key"] for tag in tags}
    if "" in keys or len(keys) < len(tags):
        raise errors.InvalidParameter("Tag.N.Key")
    kept = {group.scaling_group_id: [tag for tag in group.tags if tag["Key"] not in keys] for group in groups}
    if any(len(there) + len(tags) > MOST_TAGS for there in kept.values()):
        raise errors.Quota("Tag")
    for group in groups:
        group.tags = [*kept[group.scaling_group_id], *(dict(tag) for tag in tags)]
    return {}


def untag_resources(service: Service, ask: Ask) -> Reply:
    for group in [service.group(id) for id in ask["ResourceId"]]:
        group.tags = [] if ask["All"] else [tag for tag in group.tags if tag["Key"] not in ask["TagKey"]]
    return {}


def list_tag_resources(service: Service, ask: Ask) -> Reply:
    groups = [service.group(id) for id in ask["ResourceId"]] or list(service.groups.values())
    wanted = [(tag.get("Key"), tag.get("Value")) for tag in ask["Tag"]]
    found = [
        {
            "ResourceType": "scalinggroup",
            "ResourceId": group.scaling_group_id,
            "TagKey": tag["Key"],
            "TagValue": tag["Value"],
            "Propagate": tag["Propagate"],
        }
        for group in groups
        for tag in group.tags
        if not wanted or any(tag["Key"] == key and value in (None, tag["Value"]) for key, value in wanted)
    ]
    start = int(ask["NextToken"] or 0)
    reply: Reply = {"TagResources": found[start : start + 50]}
    return {**reply, "NextToken": str(start + 50)} if start + 50 < len(found) else reply


def list_tag_keys(service: Service, ask: Ask) -> Reply:
    return _listed(ask, "Keys", {tag["Key"] for group in service.groups.values() for tag in group.tags})


def list_tag_values(service: Service, ask: Ask) -> Reply:
    all_tags = (tag for group in service.groups.values() for tag in group.tags)
    return _listed(ask, "Values", {tag["Value"] for tag in all_tags if tag["Key"] == ask["Key"]})


def _listed(ask: Ask, name: str, found: set[str]) -> Reply:
    start, size = int(ask["NextToken"] or 0), ask["PageSize"]
    reply: Reply = {"PageSize": size, name: sorted(found)[start : start + size]}
    return {**reply, "NextToken": str(start + size)} if start + size < len(found) else reply


def _propagates(tag: dict[str, str]) -> bool:
    return tag.get("Propagate", "").lower() == "true"


ACTIONS = (
    Action("TagResources", tag_resources, (REGION, TYPE, IDS, records("Tag")), "Propagate is told, and has no effect"),
    Action("UntagResources", untag_resources, (REGION, TYPE, IDS, texts("TagKey"), boolean("All"))),
    Action(
        "ListTagResources",
        list_tag_resources,
        (REGION, TYPE, IDS._replace(required=False), records("Tag"), MORE[0]),
    ),
    Action("ListTagKeys", list_tag_keys, (REGION, TYPE, *MORE)),
    Action("ListTagValues", list_tag_values, (REGION, TYPE, text("Key", required=True), *MORE)),
)
