"""Function Compute 3.0 by its official SDK: a function by itself, with versions and aliases.

The SDK takes 31 MB with all that it needs, so it is imported only for a function of 3.0.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import requests

from scalein_cli.compute import CONNECT_SECONDS, ENDPOINT, Connection
from scalein_cli.compute_2 import alias_of, descriptions_of, download, trigger_of
from scalein_cli.errors import CommandError
from scalein_cli.function_api import (
    ASYNC_READ_ONLY,
    LATEST,
    Alias,
    Answer,
    ApiError,
    FunctionAddress,
    FunctionApi,
    FunctionState,
    NoAnswer,
    Trigger,
    settings_of,
)
from scalein_cli.verification import raise_if_unverified, trust_store

try:
    from alibabacloud_fc20230330 import models
    from alibabacloud_fc20230330.client import Client
    from alibabacloud_tea_openapi.models import Config
    from darabonba.policy.retry import RetryOptions
    from darabonba.runtime import RuntimeOptions
    from Tea.exceptions import TeaException, UnretryableException
except ImportError as import_error:
    raise CommandError(
        f"Function Compute 3.0 needs the package alibabacloud-fc20230330 ({import_error.name} is "
        "missing): pip install alibabacloud-fc20230330, or in a checkout, make setup."
    ) from import_error

# With DEBUG=sdk in the environment, the SDK would print what it sends, credentials included.
logging.getLogger("darabonba-core").disabled = True
PAGE = 100
DISK_MB = 512  # the smaller of two sizes
CPU_STEPS, MB_OF_ONE_CPU = 20, 1024  # cpu in steps of 0.05; cpu : memory in GB is 1:1 to 1:4
Result = TypeVar("Result")


class Functions:
    """A function of 3.0."""

    task_setting = "asyncTask"
    log_defaults: Mapping[str, Any] = {
        "logBeginRule": "None",
        "enableRequestMetrics": True,
        "enableInstanceMetrics": True,
    }

    def __init__(self, connection: Connection, address: FunctionAddress) -> None:
        self.address = address
        self._name = address.function
        self._read_seconds = connection.read_seconds
        self._client = Client(
            Config(
                access_key_id=connection.access_key_id,
                access_key_secret=connection.access_key_secret,
                security_token=connection.security_token or None,
                endpoint=connection.host,
                protocol="https" if connection.secure else "http",
                region_id=_region_of(connection.host),
                connect_timeout=int(CONNECT_SECONDS * 1000),
                read_timeout=int(connection.read_seconds * 1000),
                retry_options=RetryOptions({"retryable": False}),
                ca=trust_store() or None,  # besides those that the SDK trusts
            )
        )
        # Loopback, which alone may be plain HTTP, is not reached through a proxy.
        self._runtime = RuntimeOptions(no_proxy=None if connection.secure else connection.host)

    def read(self, qualifier: str = LATEST) -> FunctionState | None:
        request = models.GetFunctionRequest(qualifier=_qualifier(qualifier))
        function = _existing(lambda: self._client.get_function(self._name, request).body)
        if function is None:
            return None
        settings = settings_of(function)
        if settings.get("layers"):  # described by size too, and taken by ARN
            settings["layers"] = [layer["arn"] for layer in settings["layers"]]
        return FunctionState(settings, str(function.get("codeChecksum", "")))

    def read_code(self, qualifier: str = LATEST) -> bytes:
        request = models.GetFunctionCodeRequest(qualifier=_qualifier(qualifier))
        body = _answer(lambda: self._client.get_function_code(self._name, request).body)
        return download(str(body.url), self._read_seconds)

    def create(self, settings: Mapping[str, Any], code: bytes) -> None:
        name = {"functionName": self._name, "code": _zip_file(code)}
        body = models.CreateFunctionInput().from_map({**settings, **name})
        _answer(lambda: self._client.create_function(models.CreateFunctionRequest(body=body)))

    def update(self, settings: Mapping[str, Any], code: bytes | None = None) -> None:
        changed = {**settings, "code": _zip_file(code)} if code is not None else {**settings}
        body = models.UpdateFunctionInput().from_map(changed)
        request = models.UpdateFunctionRequest(body=body)
        _answer(lambda: self._client.update_function(self._name, request))

    def initializer(self, handler: str, timeout_seconds: int) -> dict[str, Any]:
        hook = {"handler": handler, "timeout": timeout_seconds}
        return {"instanceLifecycleConfig": {"initializer": hook}}

    def size(self, memory_mb: int) -> dict[str, Any]:
        steps = max(1, memory_mb * CPU_STEPS // MB_OF_ONE_CPU)
        return {"memorySize": memory_mb, "cpu": steps / CPU_STEPS, "diskSize": DISK_MB}

    def companions(self) -> list[FunctionApi]:
        return []

    def versions(self) -> dict[str, str]:
        request = models.ListFunctionVersionsRequest(limit=PAGE)
        pages = _pages(
            lambda: self._client.list_function_versions(self._name, request).body, request
        )
        return descriptions_of(version for page in pages for version in page.get("versions", ()))

    def publish(self, description: str) -> str:
        body = models.PublishVersionInput(description=description)
        request = models.PublishFunctionVersionRequest(body=body)
        published = _answer(lambda: self._client.publish_function_version(self._name, request).body)
        return str(published.version_id)

    def aliases(self) -> list[Alias]:
        request = models.ListAliasesRequest(limit=PAGE)
        pages = _pages(lambda: self._client.list_aliases(self._name, request).body, request)
        return [alias_of(alias) for page in pages for alias in page.get("aliases", ())]

    def put_alias(self, name: str, version: str, is_new: bool) -> None:
        if is_new:
            created = models.CreateAliasInput(alias_name=name, version_id=version)
            request = models.CreateAliasRequest(body=created)
            _answer(lambda: self._client.create_alias(self._name, request))
            return
        changed = models.UpdateAliasInput(version_id=version, additional_version_weight={})
        update = models.UpdateAliasRequest(body=changed)
        _answer(lambda: self._client.update_alias(self._name, name, update))

    def read_async_config(self, qualifier: str) -> dict[str, Any] | None:
        request = models.GetAsyncInvokeConfigRequest(qualifier=_qualifier(qualifier))
        config = _existing(lambda: self._client.get_async_invoke_config(self._name, request).body)
        return config and {k: v for k, v in config.items() if k not in ASYNC_READ_ONLY}

    def put_async_config(self, qualifier: str, config: Mapping[str, Any]) -> None:
        request = models.PutAsyncInvokeConfigRequest(
            body=models.PutAsyncInvokeConfigInput().from_map(dict(config)),
            qualifier=_qualifier(qualifier),
        )
        _answer(lambda: self._client.put_async_invoke_config(self._name, request))

    def read_concurrency(self, qualifier: str = LATEST) -> int | None:  # noqa: ARG002 (in 2.0)
        config = _existing(lambda: self._client.get_concurrency_config(self._name).body)
        return None if config is None else config.get("reservedConcurrency")

    def put_concurrency(self, limit: int, qualifier: str = LATEST) -> None:  # noqa: ARG002
        body = models.PutConcurrencyInput(reserved_concurrency=limit)
        request = models.PutConcurrencyConfigRequest(body=body)
        _answer(lambda: self._client.put_concurrency_config(self._name, request))

    def triggers(self) -> list[Trigger]:
        request = models.ListTriggersRequest(limit=PAGE)
        pages = _pages(lambda: self._client.list_triggers(self._name, request).body, request)
        return [trigger_of(trigger) for page in pages for trigger in page.get("triggers", ())]

    def invoke(self, event: bytes, headers: Mapping[str, str]) -> Answer:
        request = models.InvokeFunctionRequest(
            body=event, qualifier=_qualifier(self.address.qualifier)
        )
        given = models.InvokeFunctionHeaders(common_headers=dict(headers))
        answer = _answer(
            lambda: self._client.invoke_function_with_options(
                self._name, request, given, self._runtime
            )
        )
        names = {str(name).lower(): str(value) for name, value in (answer.headers or {}).items()}
        return Answer(names, answer.body.read() if answer.body else b"")

    def task_headers(self, task_id: str) -> dict[str, str]:
        return {"x-fc-async-task-id": task_id}

    def read_task(self, task_id: str) -> dict[str, Any]:
        request = models.GetAsyncTaskRequest(qualifier=_qualifier(self.address.qualifier))
        task = _answer(
            lambda: self._client.get_async_task(self._name, task_id, request).body
        ).to_map()
        return {**task, "errorMessage": task.get("taskErrorMessage")}


def _qualifier(qualifier: str) -> str | None:
    return None if qualifier == LATEST else qualifier


def _region_of(host: str) -> str:
    """The region in ACCOUNT.REGION.fc.aliyuncs.com; any text serves for another host."""
    labels = host.split(".")
    return labels[1].removesuffix("-internal") if len(labels) > 3 else "cn-hangzhou"


def _zip_file(code: bytes) -> dict[str, str]:
    return {"zipFile": base64.b64encode(code).decode()}


def _pages(read: Callable[[], Any], request: Any) -> Iterator[dict[str, Any]]:
    """Yields all pages of a list; none if what it belongs to does not exist."""
    while (page := _existing(read)) is not None:
        yield page
        request.next_token = page.get("nextToken")
        if not request.next_token:
            return


def _existing(read: Callable[[], Any]) -> dict[str, Any] | None:
    """What a call reads, as Function Compute names it; None if it does not exist."""
    try:
        return dict(_answer(read).to_map())
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _answer(call: Callable[[], Result]) -> Result:
    """What the SDK returns. Raises ApiError, NoAnswer, MisconnectedError."""
    try:
        return call()
    except (TeaException, UnretryableException) as error:
        status = getattr(error, "status_code", None) or getattr(error, "statusCode", None)
        if not status:
            raise_if_unverified(error, ENDPOINT)
            raise NoAnswer(type(error).__name__) from None
        raise ApiError(int(status), str(error.code), _message(error)) from None
    except (requests.RequestException, OSError) as error:
        raise NoAnswer(type(error).__name__) from None


def _message(error: Any) -> str:
    """The message of an error without what the SDK puts around it: code, status, request id."""
    text = str(error.message or "")
    return text.partition(" request id:")[0].removeprefix("code: ").partition(", ")[2] or text
