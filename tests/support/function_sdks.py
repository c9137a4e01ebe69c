"""The official SDKs of Function Compute 3.0 of two languages, and of 2.0 for Node.js."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from alibabacloud_fc20230330 import models
from darabonba.exceptions import DaraException
from darabonba.runtime import RuntimeOptions

from tests.support.deployment import KEY
from tests.support.native import Native
from tests.support.needs import skip_without
from tests.support.sdks import NODE

INVOKE = "InvokeFunction"
LANGUAGES = ("python", "node")


class Answered(NamedTuple):
    """What an SDK returned: of an invocation, the body is a text."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def request_id(self) -> str:
        return self.headers["x-fc-request-id"]


class Refused(NamedTuple):
    """What an SDK raised."""

    status: int
    code: str


class Sdk(Protocol):
    def call(
        self, action: str, *path: str, request: dict[str, Any] | None = None, **invocation: Any
    ) -> Answered | Refused:
        """Calls an action; the request has the names of the API.

        An invocation has `event` and `headers`.
        """


class PythonSdk:
    """alibabacloud_fc20230330."""

    def __init__(self, endpoint: str) -> None:
        self._client = Native(endpoint).client

    def call(
        self, action: str, *path: str, request: dict[str, Any] | None = None, **invocation: Any
    ) -> Answered | Refused:
        try:
            if action == INVOKE:
                return self._invoke(path[0], request or {}, **invocation)
            kind = getattr(models, f"{action}Request", None)
            given = [kind().from_map(request or {})] if kind else []
            answer = getattr(self._client, re.sub("(?<!^)([A-Z])", r"_\1", action).lower())(
                *path, *given
            )
            body = getattr(answer, "body", None)
            return Answered(answer.status_code, answer.headers, body.to_map() if body else None)
        except DaraException as error:
            refused: Any = error
            return Refused(int(refused.status_code), str(refused.code))

    def _invoke(
        self, name: str, request: dict[str, Any], event: str = "", headers: Any = None
    ) -> Answered:
        whole = models.InvokeFunctionRequest(body=io.BytesIO(event.encode()), **request)
        common = models.InvokeFunctionHeaders(common_headers=headers or {})
        answer = self._client.invoke_function_with_options(name, whole, common, RuntimeOptions())
        assert answer.status_code is not None
        return Answered(answer.status_code, answer.headers or {}, answer.body.read().decode())


class NodeSdk:
    """@alicloud/fc20230330, and for generation 2.0 @alicloud/fc2, in a process of its own."""

    def __init__(self, endpoint: str, process: subprocess.Popen[str]) -> None:
        self._endpoint = endpoint
        self._process = process

    def call(
        self, action: str, *path: str, request: dict[str, Any] | None = None, **invocation: Any
    ) -> Answered | Refused:
        return self._ask("3.0", action, path, request=request or {}, **invocation)

    def call_older(self, method: str, *values: Any) -> Answered | Refused:
        """Calls a method of the SDK of 2.0."""
        return self._ask("2.0", method, values)

    def _ask(
        self, generation: str, action: str, path: tuple[Any, ...], **fields: Any
    ) -> Answered | Refused:
        key = {"key": KEY.access_key_id, "secret": KEY.access_key_secret}
        ask = {"generation": generation, "endpoint": self._endpoint, **key, "path": path}
        line = {"request": {}, "event": "", "headers": {}, **ask, "action": action, **fields}
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(line), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        if "code" in answer:
            return Refused(answer["status"], answer["code"])
        return Answered(**answer)


@contextmanager
def sdk_of(language: str, endpoint: str) -> Iterator[Sdk]:
    """Yields the SDK of a language, python or node."""
    if language == "python":
        yield PythonSdk(endpoint)
        return
    with node_sdk(endpoint) as sdk:
        yield sdk


@contextmanager
def node_sdk(endpoint: str) -> Iterator[NodeSdk]:
    if not (NODE / "node_modules" / "@alicloud" / "fc20230330").exists():
        skip_without("the SDK of Node.js for Function Compute", "make node-modules")
    command = ["node", str(NODE / "functions.cjs")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield NodeSdk(endpoint, process)
        assert process.stdin
        process.stdin.close()
