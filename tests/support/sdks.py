"""Official clients of three kinds behind one call: parameters as of 2022-02-22, replies flat."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient

from localcloud.ess.catalogue import ACTIONS
from localcloud.ess.parameters import plural
from tests.support.deployment import KEY
from tests.support.needs import skip_without

NODE = Path(__file__).parents[1] / "node"


class RefusedCall(NamedTuple):
    status: int
    code: str


class Client(Protocol):
    def call(self, action: str, **params: Any) -> dict[str, Any] | RefusedCall:
        """The reply, its lists flat, or how it was refused."""


class OlderPython:
    """aliyun-python-sdk-ess: API 2014-08-28, signature v1."""

    def __init__(self, endpoint: str, ready: Mapping[str, str] | None = None) -> None:
        """`ready`: the line of a local cloud that is a process of its own."""
        key, secret = KEY.access_key_id, KEY.access_key_secret
        if ready:
            key, secret = ready["accessKeyId"], ready["accessKeySecret"]
        self._endpoint = endpoint
        self._client = AcsClient(key, secret, "cn-hangzhou", auto_retry=False)

    def call(self, action: str, **params: Any) -> dict[str, Any] | RefusedCall:
        module = import_module(f"aliyunsdkess.request.v20140828.{action}Request")
        request = getattr(module, f"{action}Request")()
        request.set_endpoint(self._endpoint)
        for name, value in older(action, params).items():
            request.add_query_param(name, value)
        try:
            return dict(flat(json.loads(self._client.do_action_with_exception(request))))
        except ServerException as error:
            return RefusedCall(error.get_http_status(), error.get_error_code())


class NewerPython:
    """alibabacloud-ess20220222: API 2022-02-22, signature ACS3-HMAC-SHA256."""

    def __init__(self, endpoint: str, token: str = "") -> None:
        from alibabacloud_ess20220222.client import Client as Ess
        from alibabacloud_tea_openapi.models import Config

        self._client = Ess(
            Config(
                access_key_id=KEY.access_key_id,
                access_key_secret=KEY.access_key_secret,
                security_token=token or None,
                endpoint=endpoint,
                protocol="http",
                region_id="cn-hangzhou",
            )
        )

    def call(self, action: str, **params: Any) -> dict[str, Any] | RefusedCall:
        from alibabacloud_ess20220222 import models
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

        request = getattr(models, f"{action}Request")().from_map(
            {"RegionId": "cn-hangzhou", **params}
        )
        method = getattr(self._client, re.sub("(?<=[a-z])(?=[A-Z])", "_", action).lower())
        try:
            return dict(method(request).body.to_map())
        except AlibabaCloudException as error:
            return RefusedCall(error.status_code, error.code)


class NodeJs:
    """npm's @alicloud/pop-core: API 2014-08-28, signature v1."""

    def __init__(self, endpoint: str, process: subprocess.Popen[str]) -> None:
        self._endpoint = endpoint
        self._process = process

    def call(self, action: str, **params: Any) -> dict[str, Any] | RefusedCall:
        assert self._process.stdin and self._process.stdout
        ask = {
            "endpoint": self._endpoint,
            "key": KEY.access_key_id,
            "secret": KEY.access_key_secret,
        }
        numbered = {"RegionId": "cn-hangzhou", **older(action, params)}
        print(
            json.dumps({**ask, "action": action, "params": numbered}),
            file=self._process.stdin,
            flush=True,
        )
        answer = json.loads(self._process.stdout.readline())
        if "reply" in answer:
            return dict(flat(answer["reply"]))
        return RefusedCall(answer["status"], answer["code"])


KINDS = ("older-python", "newer-python", "node")


def client_of(kind: str, endpoint: str) -> AbstractContextManager[Client]:
    return {"older-python": _older, "newer-python": _newer, "node": _node}[kind](endpoint)


@contextmanager
def _older(endpoint: str) -> Iterator[Client]:
    yield OlderPython(endpoint)


@contextmanager
def _newer(endpoint: str) -> Iterator[Client]:
    yield NewerPython(endpoint)


@contextmanager
def _node(endpoint: str) -> Iterator[Client]:
    if not (NODE / "node_modules").exists():
        skip_without("the SDK of Node.js", "make node-modules")
    command = ["node", str(NODE / "call.cjs")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield NodeJs(endpoint, process)
        assert process.stdin
        process.stdin.close()


def older(action: str, params: dict[str, Any]) -> dict[str, Any]:
    """Under the names of 2014-08-28, lists numbered."""
    names = {
        plural(p.name): p.name
        for p in (ACTIONS[action].parameters if action in ACTIONS else ())
        if p.is_list
    }
    numbered: dict[str, Any] = {}
    for name, value in params.items():
        if not isinstance(value, list):
            numbered[name] = value
            continue
        for number, item in enumerate(value, 1):
            if isinstance(item, dict):
                numbered.update(
                    (f"{names[name]}.{number}.{field}", part) for field, part in item.items()
                )
            else:
                numbered[f"{names[name]}.{number}"] = item
    return numbered


def flat(value: Any) -> Any:
    """{plural: {singular: [...]}} as {plural: [...]}."""
    if isinstance(value, list):
        return [flat(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: flat(next(iter(inner.values())))
        if isinstance(inner, dict)
        and len(inner) == 1
        and isinstance(next(iter(inner.values())), list)
        else flat(inner)
        for name, inner in value.items()
    }
