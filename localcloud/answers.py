"""Replies and errors as JSON or XML, nested as the API version nests its lists.

A reply here is flat, as of 2022-02-22: {"InstanceIds": ["i-1"]}. Version 2014-08-28 puts every list
one level deeper, under its singular: {"InstanceIds": {"InstanceId": ["i-1"]}}."""

from __future__ import annotations

import json
import uuid
from functools import cached_property
from typing import Any
from xml.sax.saxutils import escape

from localcloud import errors
from localcloud.wire import Params

Reply = dict[str, Any]


class Shown(dict[str, Any]):
    """A part of replies that has no list in it, with its JSON. It is shared: not to be changed."""

    @cached_property
    def json(self) -> str:
        return json.dumps(self)


CONTENT_TYPES = {"JSON": "application/json;charset=utf-8", "XML": "text/xml;charset=utf-8"}
# Where cutting an s is not enough. Two remain as they are, as in every SDK.
SINGULARS = {
    "AlarmList": "Alarm",
    "ErrorMessages": "ErrorMessages",
    "FailedInstanceIds": "FailedInstanceIds",
    "SuspendedProcesses": "SuspendedProcess",
}


def answer_format(params: Params, default: str) -> str:
    """Returns JSON or XML. Raises ApiError.

    The default is an assumption: the ESS manual says JSON, the ECS manual of the same gateway XML.
    """
    wanted = (params.get("Format") or default).upper()
    if wanted not in CONTENT_TYPES:
        raise errors.InvalidFormat()
    return wanted


def request_id() -> str:
    return str(uuid.uuid4()).upper()


def answer_body(action: str, reply: Reply, id: str, format: str) -> str:
    whole = {"RequestId": id, **reply}
    return _json(whole) if format == "JSON" else _document(f"{action}Response", whole)


def _json(value: Any) -> str:
    """Returns what json.dumps does, from the JSON of the parts that have theirs."""
    if isinstance(value, Shown):
        return value.json
    if isinstance(value, list) and value and isinstance(value[0], Shown):
        return f"[{', '.join([_json(item) for item in value])}]"
    if isinstance(value, dict):
        return f"{{{', '.join([f'{json.dumps(n)}: {_json(v)}' for n, v in value.items()])}}}"
    return json.dumps(value)


def error_body(
    error: errors.ApiError, id: str, host: str, format: str, product: str = "ess"
) -> str:
    query = f"q={error.code}&product={product.capitalize()}&requestId={id}"
    whole = {
        "RequestId": id,
        "HostId": host,
        "Code": error.code,
        "Message": error.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?{query}",
    }
    return json.dumps(whole) if format == "JSON" else _document("Error", whole)


def nested(value: Any) -> Any:
    """Returns the reply with every list one level deeper, under its singular."""
    if isinstance(value, list):
        return [nested(item) for item in value]
    if isinstance(value, Shown) or not isinstance(value, dict):
        return value
    return {
        name: {singular(name): nested(inner)} if isinstance(inner, list) else nested(inner)
        for name, inner in value.items()
    }


def singular(name: str) -> str:
    return SINGULARS.get(name) or (
        f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")
    )


def _document(root: str, content: Reply) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>{_element(root, content)}'


def _element(name: str, value: Any) -> str:
    """Returns a value as XML; a list is its element, repeated."""
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(_element(inner, item) for inner, item in value.items())}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"
