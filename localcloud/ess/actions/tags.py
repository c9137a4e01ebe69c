"""The tags of scaling groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import (
    NEXT_TOKEN,
    REGION,
    Request,
    boolean,
    integer,
    one_of,
    records,
    text,
    texts,
)
from localcloud.ess.requests import token_page
from localcloud.ess.state import EssState

MAX_TAGS = 20
TYPE = one_of("ResourceType", "scalinggroup", required=True, error=refusals.ResourceTypeNotFound)
IDS = texts("ResourceId", 50, required=True)
KEY = re.compile("(?!acs:|aliyun)(?!.*https?://).{1,128}", re.DOTALL)
PAGES = (NEXT_TOKEN, integer("PageSize", 1, 50, default=50))


def tag_resources(state: EssState, request: Request) -> Reply:
    """Adds the tags to all groups, or to none."""
    groups = [state.group(id) for id in request["ResourceId"]]
    if not request["Tag"]:
        raise errors.MissingParameter("Tag.N")
    tags = [_tag(given) for given in request["Tag"]]
    keys = {tag["Key"] for tag in tags}
    if len(keys) < len(tags) or not all(map(KEY.fullmatch, keys)):
        raise errors.InvalidParameter("Tag.N.Key")
    tags_by_group_id = {
        group.scaling_group_id: [*(tag for tag in group.tags if tag["Key"] not in keys), *tags]
        for group in groups
    }
    if any(len(tags) > MAX_TAGS for tags in tags_by_group_id.values()):
        raise errors.Quota("Tag")
    for group in groups:
        group.tags = [dict(tag) for tag in tags_by_group_id[group.scaling_group_id]]
    return {}


def untag_resources(state: EssState, request: Request) -> Reply:
    keys = request["TagKey"]
    for group in [state.group(id) for id in request["ResourceId"]]:
        group.tags = [] if request["All"] else [t for t in group.tags if t["Key"] not in keys]
    return {}


def list_tag_resources(state: EssState, request: Request) -> Reply:
    groups = [state.group(id) for id in request["ResourceId"]] or list(state.groups.values())
    wanted = [(tag.get("Key"), tag.get("Value")) for tag in request["Tag"]]
    entries = [
        _entry(group, tag)
        for group in groups
        for tag in group.tags
        if not wanted or any(_is_tag(tag, key, value) for key, value in wanted)
    ]
    page, next_token = token_page(request, entries, 50)
    return {"TagResources": page, **next_token}


def list_tag_keys(state: EssState, request: Request) -> Reply:
    return _listing(request, "Keys", {tag["Key"] for tag in _all_tags(state)})


def list_tag_values(state: EssState, request: Request) -> Reply:
    key = request["Key"]
    return _listing(request, "Values", {t["Value"] for t in _all_tags(state) if t["Key"] == key})


def _all_tags(state: EssState) -> Iterator[dict[str, Any]]:
    return (tag for group in state.groups.values() for tag in group.tags)


def _listing(request: Request, name: str, values: set[str]) -> Reply:
    page, next_token = token_page(request, sorted(values), request["PageSize"])
    return {"PageSize": request["PageSize"], name: page, **next_token}


def _entry(group: ScalingGroup, tag: dict[str, Any]) -> dict[str, Any]:
    return {
        "ResourceType": "scalinggroup",
        "ResourceId": group.scaling_group_id,
        "TagKey": tag["Key"],
        "TagValue": tag["Value"],
        "Propagate": tag["Propagate"],
    }


def _is_tag(tag: dict[str, Any], key: str | None, value: str | None) -> bool:
    return tag["Key"] == key and value in (None, tag["Value"])


def _tag(given: dict[str, str]) -> dict[str, Any]:
    propagates = given.get("Propagate", "").lower() == "true"
    return {"Key": given.get("Key", ""), "Value": given.get("Value", ""), "Propagate": propagates}


ACTIONS = (
    Action(
        "TagResources",
        tag_resources,
        (REGION, TYPE, IDS, records("Tag")),
        "Propagate is described, without effect",
    ),
    Action("UntagResources", untag_resources, (REGION, TYPE, IDS, texts("TagKey"), boolean("All"))),
    Action(
        "ListTagResources",
        list_tag_resources,
        (REGION, TYPE, IDS._replace(required=False), records("Tag"), NEXT_TOKEN),
    ),
    Action("ListTagKeys", list_tag_keys, (REGION, TYPE, *PAGES)),
    Action("ListTagValues", list_tag_values, (REGION, TYPE, text("Key", required=True), *PAGES)),
)
