"""Function Compute 2.0 by fc2: a function in a service, which versions and aliases belong to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import requests

import scalein.cloud.function_compute  # also silences the log of fc2, which has credentials
from scalein.cloud.transport import MISCONNECTED, TransportError
from scalein_cli.compute import CONNECT_SECONDS, ENDPOINT, Connection
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
from scalein_cli.verification import misconnected, raise_if_unverified, trust_store

API = "/2016-08-15"
# The settings of a function that its service has.
OF_SERVICE = ("role", "logConfig", "vpcConfig", "internetAccess", "nasConfig", "tracingConfig")
DESCRIPTION = "Safe scale-in for Auto Scaling"


class Client(scalein.cloud.function_compute.Client):
    """The client of fc2, which only signs, with the errors of the protocol."""

    successes = range(200, 300)

    def refusal(self, answer: requests.Response) -> Exception:
        try:
            error = dict(answer.json())
        except (TypeError, ValueError):
            error = {}  # a proxy wrote something else
        code = str(error.get("ErrorCode", "Unknown"))
        return ApiError(answer.status_code, code, str(error.get("ErrorMessage", "")))

    def call(
        self,
        method: str,
        path: str,
        document: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Returns the JSON object of the answer; empty without one."""
        body = None if document is None else json.dumps(document).encode()
        answer = self.send(method, path, body, {}, query)
        return dict(answer.json()) if answer.content else {}

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Returns the answer. Raises ApiError, NoAnswer, MisconnectedError."""
        signed = self._build_common_headers(method, API + path, dict(headers))
        url = f"{API}{path}?{urlencode(query)}" if query else API + path
        try:
            answer: requests.Response = self._do_request(method, url, signed, body=body)
        except TransportError as error:
            if error.code == MISCONNECTED:
                raise misconnected(str(error), ENDPOINT) from None
            raise NoAnswer(error.code) from None
        except (requests.RequestException, OSError) as error:
            raise NoAnswer(type(error).__name__) from None
        return answer


class Services:
    """A function of a service."""

    task_setting = "statefulInvocation"
    log_defaults: Mapping[str, Any] = {"logBeginRule": "None", "enableRequestMetrics": True}

    def __init__(self, connection: Connection, address: FunctionAddress) -> None:
        self.address = address
        self._connection = connection
        scheme = "https" if connection.secure else "http"
        self._client = Client(
            endpoint=f"{scheme}://{connection.host}",
            accessKeyID=connection.access_key_id,
            accessKeySecret=connection.access_key_secret,
            securityToken=connection.security_token,
            Timeout=(CONNECT_SECONDS, connection.read_seconds),
        )

    def read(self, qualifier: str = LATEST) -> FunctionState | None:
        service = _existing(lambda: self._client.call("GET", self._service(qualifier)))
        function = service and _existing(
            lambda: self._client.call("GET", self._function(qualifier))
        )
        if not service or not function:
            return None
        of_service = {name: service[name] for name in OF_SERVICE if name in service}
        settings = {**of_service, **settings_of(function)}
        return FunctionState(settings, str(function.get("codeChecksum", "")))

    def read_code(self, qualifier: str = LATEST) -> bytes:
        url = str(self._client.call("GET", f"{self._function(qualifier)}/code")["url"])
        return download(url, self._connection.read_seconds)

    def create(self, settings: Mapping[str, Any], code: bytes) -> None:
        of_service, of_function = _split(settings)
        if _existing(lambda: self._client.call("GET", self._service())) is None:
            description = {"serviceName": self.address.service, "description": DESCRIPTION}
            self._client.call("POST", "/services", {**description, **of_service})
        elif of_service:
            self._client.call("PUT", self._service(), of_service)
        name = {"functionName": self.address.function, "code": _zip_file(code)}
        self._client.call("POST", f"{self._service()}/functions", {**of_function, **name})

    def update(self, settings: Mapping[str, Any], code: bytes | None = None) -> None:
        of_service, of_function = _split(settings)
        if of_service:
            self._client.call("PUT", self._service(), of_service)
        if code is not None:
            of_function["code"] = _zip_file(code)
        if of_function:
            self._client.call("PUT", self._function(), of_function)

    def initializer(self, handler: str, timeout_seconds: int) -> dict[str, Any]:
        return {"initializer": handler, "initializationTimeout": timeout_seconds}

    def size(self, memory_mb: int) -> dict[str, Any]:
        return {"memorySize": memory_mb}

    def companions(self) -> list[FunctionApi]:
        names = [
            str(function["functionName"])
            for function in self._listed(f"{self._service()}/functions", "functions")
        ]
        return [
            Services(self._connection, self.address._replace(function=name))
            for name in names
            if name != self.address.function
        ]

    def versions(self) -> dict[str, str]:
        return descriptions_of(self._listed(f"{self._service()}/versions", "versions"))

    def publish(self, description: str) -> str:
        path = f"{self._service()}/versions"
        return str(self._client.call("POST", path, {"description": description})["versionId"])

    def aliases(self) -> list[Alias]:
        found = self._listed(f"{self._service()}/aliases", "aliases")
        return [alias_of(description) for description in found]

    def put_alias(self, name: str, version: str, is_new: bool) -> None:
        path, body = f"{self._service()}/aliases", {"versionId": version}
        if is_new:
            self._client.call("POST", path, {**body, "aliasName": name})
        else:
            self._client.call("PUT", f"{path}/{name}", {**body, "additionalVersionWeight": {}})

    def read_async_config(self, qualifier: str) -> dict[str, Any] | None:
        path = f"{self._function(qualifier)}/async-invoke-config"
        config = _existing(lambda: self._client.call("GET", path))
        return config and {k: v for k, v in config.items() if k not in ASYNC_READ_ONLY}

    def put_async_config(self, qualifier: str, config: Mapping[str, Any]) -> None:
        self._client.call("PUT", f"{self._function(qualifier)}/async-invoke-config", config)

    def read_concurrency(self, qualifier: str = LATEST) -> int | None:
        path = f"{self._function(qualifier)}/on-demand-config"
        config = _existing(lambda: self._client.call("GET", path))
        return None if config is None else config.get("maximumInstanceCount")

    def put_concurrency(self, limit: int, qualifier: str = LATEST) -> None:
        path = f"{self._function(qualifier)}/on-demand-config"
        self._client.call("PUT", path, {"maximumInstanceCount": limit})

    def triggers(self) -> list[Trigger]:
        found = self._listed(f"{self._function()}/triggers", "triggers")
        return [trigger_of(description) for description in found]

    def invoke(self, event: bytes, headers: Mapping[str, str]) -> Answer:
        path = f"{self._function(self.address.qualifier)}/invocations"
        answer = self._client.send("POST", path, event, headers)
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(names, answer.content)

    def task_headers(self, task_id: str) -> dict[str, str]:
        return {
            "x-fc-stateful-async-invocation-id": task_id,
            "x-fc-stateful-async-invocation-enable": "true",
        }

    def read_task(self, task_id: str) -> dict[str, Any]:
        path = f"{self._function(self.address.qualifier)}/stateful-async-invocations/{task_id}"
        task = self._client.call("GET", path)
        return {**task, "errorMessage": task.get("invocationErrorMessage")}

    def _service(self, qualifier: str = LATEST) -> str:
        suffix = "" if qualifier == LATEST else f".{qualifier}"
        return f"/services/{self.address.service}{suffix}"

    def _function(self, qualifier: str = LATEST) -> str:
        return f"{self._service(qualifier)}/functions/{self.address.function}"

    def _listed(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        """Yields what all pages of a list have."""
        query = {"limit": "100"}
        while True:
            page = _existing(partial(self._client.call, "GET", path, query=query)) or {}
            yield from page.get(name) or ()
            if not page.get("nextToken"):
                return
            query["nextToken"] = str(page["nextToken"])


def alias_of(description: Mapping[str, Any]) -> Alias:
    """The alias that Function Compute describes."""
    weights = description.get("additionalVersionWeight") or {}
    return Alias(
        str(description["aliasName"]),
        str(description["versionId"]),
        {str(version): float(share) for version, share in weights.items()},
    )


def trigger_of(description: Mapping[str, Any]) -> Trigger:
    """The trigger that Function Compute describes."""
    name, kind = str(description["triggerName"]), str(description["triggerType"])
    return Trigger(name, kind, str(description.get("qualifier") or LATEST))


def descriptions_of(versions: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The descriptions by id of versions that Function Compute describes, newest first."""
    found = {str(one["versionId"]): str(one.get("description") or "") for one in versions}
    return {id: found[id] for id in sorted(found, key=int, reverse=True)}


def download(url: str, read_seconds: float) -> bytes:
    """The file at a URL of Function Compute's. Raises ApiError, NoAnswer, MisconnectedError."""
    try:
        with requests.Session() as session:
            # Loopback, which alone may be plain HTTP, is not reached through a proxy.
            session.trust_env = not url.startswith("http://")
            verify = trust_store() or True
            answer = session.get(url, timeout=(CONNECT_SECONDS, read_seconds), verify=verify)
    except (requests.RequestException, OSError) as error:
        raise_if_unverified(error, ENDPOINT)
        raise NoAnswer(f"{type(error).__name__} at the download of the code") from None
    if answer.status_code != 200:
        raise ApiError(answer.status_code, "Download", "The code cannot be downloaded from OSS")
    return answer.content


def _existing(read: Any) -> dict[str, Any] | None:
    """What a call reads; None if it does not exist."""
    try:
        return dict(read())
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _split(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of the service, and those of the function."""
    of_service = {name: value for name, value in settings.items() if name in OF_SERVICE}
    return of_service, {k: v for k, v in settings.items() if k not in OF_SERVICE}


def _zip_file(code: bytes) -> dict[str, str]:
    return {"zipFile": base64.b64encode(code).decode()}
