"""Invocations of the deployed function, synchronous and asynchronous, by fc2."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, NamedTuple
from uuid import uuid4

import fc2
from rich.console import Console

from scalein_cli.compute import FunctionAddress, call_api
from scalein_cli.errors import CommandError

POLL_SECONDS = 1.0
END_STATUSES = ("Succeeded", "Failed", "Stopped", "Expired", "Invalid")
MAX_SHOWN_CHARACTERS = 300  # of a response that is no outcome


class Invocation(NamedTuple):
    """What an invocation returned, or the outcome that its error carries."""

    response: dict[str, Any]
    failed: bool  # the function raised, so its trigger would deliver the event again
    log: str  # its end, at most 4 KB


def invoke(client: Any, address: FunctionAddress, event: bytes) -> Invocation:
    """Invokes the function and waits for its response. Raises CommandError."""
    headers = {"x-fc-invocation-type": "Sync", "x-fc-log-type": "Tail"}
    try:
        result = call_api("invoke", lambda: _invoke(client, address, event, headers))
    except _FunctionError as error:
        return _failed_invocation(str(error))
    log = base64.b64decode(result.headers.get("x-fc-log-result", "")).decode("utf-8", "replace")
    return Invocation(_parse_response(result.data), False, log)


def invoke_asynchronously(
    client: Any,
    address: FunctionAddress,
    event: bytes,
    delay_seconds: int,
    wait_seconds: float,
    console: Console,
) -> tuple[str, Invocation | None]:
    """Invokes the function asynchronously and waits for the end of the task.

    Returns the last status, and the invocation if Function Compute returns its payload. Raises
    CommandError.
    """
    task_id = f"cli-{uuid4()}"
    headers = {
        "x-fc-invocation-type": "Async",
        "x-fc-async-delay": str(delay_seconds),
        "x-fc-stateful-async-invocation-id": task_id,
        "x-fc-stateful-async-invocation-enable": "true",
    }
    call_api("invoke", lambda: _invoke(client, address, event, headers))
    console.print(f"Accepted as task {task_id}.", highlight=False)
    until, task = time.monotonic() + wait_seconds, {"status": "Enqueued"}
    with console.status("Waiting for the end of the task ..."):
        while task["status"] not in END_STATUSES and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            task = _read_task(client, address, task_id)
    if task.get("returnPayload"):  # not every account gets it
        return task["status"], Invocation(_parse_response(task["returnPayload"]), False, "")
    if task.get("invocationErrorMessage"):
        return task["status"], _failed_invocation(task["invocationErrorMessage"])
    return task["status"], None


class _FunctionError(Exception):
    """The function raised. The text is its error as Function Compute returns it."""


def _invoke(client: Any, address: FunctionAddress, event: bytes, headers: dict[str, str]) -> Any:
    """The result of fc2. An error of the function is HTTP 200, for which fc2 raises an FcError."""
    try:
        return client.invoke_function(
            address.service, address.function, event, headers, address.qualifier or None
        )
    except fc2.FcError as error:
        if error.status_code != 200:
            raise
        raise _FunctionError(error.message) from None


def _parse_response(response: bytes | str) -> dict[str, Any]:
    """The JSON object that the function returned. Raises CommandError."""
    try:
        document = json.loads(response)
    except ValueError:
        text = response.decode("utf-8", "replace") if isinstance(response, bytes) else response
        raise CommandError(
            f"The function returned no outcome: {text[:MAX_SHOWN_CHARACTERS]}. Check that "
            "--function names the scale-in function."
        ) from None
    return document if isinstance(document, dict) else {"response": document}


def _failed_invocation(error: str) -> Invocation:
    """The invocation whose error message is the outcome."""
    try:
        message = str(json.loads(error)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        message = error
    return Invocation(_parse_response(message), True, "")


def _read_task(client: Any, address: FunctionAddress, task_id: str) -> dict[str, Any]:
    """The task of an asynchronous invocation. fc2 has no method for it, only what signs a call."""
    path = f"/2016-08-15/services/{address.service}.{address.qualifier}"
    path += f"/functions/{address.function}/stateful-async-invocations/{task_id}"
    headers = client._build_common_headers("GET", path, {})
    return dict(call_api("status", lambda: client._do_request("GET", path, headers)).json())
