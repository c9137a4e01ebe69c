"""Tags of functions in 3.0, and of services in 2.0, over HTTP.

(API pages "TagResources", "UntagResources" and "ListTagResources" of 2023-03-30, "TagResource" of
2016-08-15.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from localcloud.functions.answers import NEWER, OLDER
from localcloud.functions.checks import tags_of
from localcloud.functions.model import NATIVE, FcError, new_request_id
from localcloud.functions.platform import Platform
from localcloud.functions.routing import ActRoute, object_of
from localcloud.json_text import parse_json

NATIVE_ARN = re.compile("acs:fc:[^:]*:[^:]*:functions/([^/]+)")
SERVICE_ARN = re.compile("(?:acs:fc:[^:]*:[^:]*:)?services/([^/]+)")
MAX_TAGS = 20


def tag_routes(platform: Platform) -> Iterator[ActRoute]:
    """Yields path, method and act of each route of tags."""
    yield from _newer(platform)
    yield from _older(platform)


def _newer(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry

    def tags(arn: str) -> dict[str, str]:
        match = NATIVE_ARN.fullmatch(arn)
        if not match:
            raise FcError(400, "InvalidArgument", f"'{arn}' is not the ARN of a function")
        return registry.service(NATIVE, match[1]).tags

    def tag(_: Request, body: bytes) -> None:
        given = {name.lower(): value for name, value in object_of(body).items()}
        _check_type(given.get("resourcetype"))
        _add(map(tags, given.get("resourceid") or []), tags_of(given.get("tag")))

    def untag(request: Request, _: bytes) -> None:
        query = request.query_params
        _check_type(query.get("ResourceType"))
        is_all = query.get("All", "").lower() == "true"
        keys = parse_json(query.get("TagKey") or "[]")
        for of_function in list(map(tags, parse_json(query.get("ResourceId") or "[]"))):
            for key in list(of_function) if is_all else keys:
                of_function.pop(key, None)

    def listing(request: Request, _: bytes) -> Any:
        query = request.query_params
        _check_type(query.get("ResourceType"))
        wanted = tags_of(parse_json(query.get("Tag") or "[]"))
        arns = parse_json(query.get("ResourceId") or "[]") or [
            f"{registry.arn_root}:functions/{name}" for name in sorted(registry.natives)
        ]
        rows = [
            {"ResourceId": arn, "ResourceType": "FUNCTION", "TagKey": key, "TagValue": value}
            for arn in arns
            for key, value in sorted(tags(arn).items())
            if wanted.items() <= tags(arn).items()
        ]
        return {"TagResources": rows, "RequestId": new_request_id(is_native=True)}

    yield NEWER + "/tags-v2", "POST", tag
    yield NEWER + "/tags-v2", "DELETE", untag
    yield NEWER + "/tags-v2", "GET", listing


def _older(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry

    def tags(arn: Any) -> dict[str, str]:
        match = SERVICE_ARN.fullmatch(str(arn or ""))
        if not match:
            raise FcError(400, "InvalidArgument", f"'{arn}' is not the ARN of a service")
        return registry.service(match[1]).tags

    def tag(_: Request, body: bytes) -> Any:
        given = object_of(body)
        pairs = [{"key": key, "value": value} for key, value in (given.get("tags") or {}).items()]
        _add([tags(given.get("resourceArn"))], tags_of(pairs))
        return {}

    def untag(_: Request, body: bytes) -> Any:
        given = object_of(body)
        of_service = tags(given.get("resourceArn"))
        for key in list(of_service) if given.get("all") else given.get("tagKeys") or []:
            of_service.pop(key, None)
        return {}

    def get(request: Request, _: bytes) -> Any:
        arn = request.query_params.get("resourceArn")
        return {"resourceArn": arn, "tags": dict(sorted(tags(arn).items()))}

    yield OLDER + "/tag", "POST", tag
    yield OLDER + "/tag", "DELETE", untag
    yield OLDER + "/tag", "GET", get


def _add(each: Any, added: dict[str, str]) -> None:
    """Adds tags to each resource. Raises FcError; then none has any of them."""
    resources = list(each)
    if not resources or not added:
        raise FcError(400, "InvalidArgument", "a resource and a tag are required")
    if any(len({*tags, *added}) > MAX_TAGS for tags in resources):
        raise FcError(400, "InvalidArgument", f"a resource has {MAX_TAGS} tags at most")
    for tags in resources:
        tags.update(added)


def _check_type(kind: Any) -> None:
    if str(kind or "").lower() != "function":
        raise FcError(400, "InvalidArgument", "resourceType is function")
