"""Invocations of the deployed function, synchronous and asynchronous."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

from rich.console import Console

from scalein_cli.compute import call_api
from scalein_cli.errors import CommandError
from scalein_cli.function_api import Answer, ApiError, FunctionApi
from scalein_cli.options import progress
from scalein_cli.patience import THROTTLED

POLL_SECONDS = 1.0
END_STATUSES = ("Succeeded", "Failed", "Stopped", "Expired", "Invalid")
OUTCOME_ERRORS = ("TryLaterError", "RemovalFailedError")  # their text is the outcome
MAX_SHOWN_CHARACTERS = 300  # of a response that is no outcome


class Invocation(NamedTuple):
    """What an invocation returned, or the outcome that its error carries."""

    response: dict[str, Any]
    failed: bool  # the function raised, so its trigger would deliver the event again
    log: str  # its end, at most 4 KB


def invoke(
    function: FunctionApi,
    event: bytes,
    wait_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Invocation:
    """Invokes the function and waits for its response. Raises CommandError.

    While the function is busy, it is invoked again, about so long.
    """
    subject = f"invoke {function.address}"
    answer = call_api(subject, lambda: _invoke_once_free(function, event, wait_seconds, sleep))
    log = base64.b64decode(answer.headers.get("x-fc-log-result", "")).decode("utf-8", "replace")
    if answer.is_error:
        return _failed_invocation(answer.body.decode("utf-8", "replace"), log)
    return Invocation(_parse_response(answer.body), False, log)


def invoke_asynchronously(
    function: FunctionApi,
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
        **function.task_headers(task_id),
    }
    call_api(f"invoke {function.address}", lambda: function.invoke(event, headers))
    console.print(f"Accepted as task {task_id}.", highlight=False)
    until, task = time.monotonic() + wait_seconds, {"status": "Enqueued"}
    with progress("Waiting for the end of the task ..."):
        while task["status"] not in END_STATUSES and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            task = call_api("status", lambda: function.read_task(task_id))
    if task.get("returnPayload"):  # not every account gets it
        return task["status"], Invocation(_parse_response(task["returnPayload"]), False, "")
    if task.get("errorMessage"):
        return task["status"], _failed_invocation(task["errorMessage"])
    return task["status"], None


def _invoke_once_free(
    function: FunctionApi, event: bytes, wait_seconds: float, sleep: Callable[[float], None]
) -> Answer:
    """The answer to the first invocation that is not throttled: one that is was not executed.

    Without a ledger one invocation runs at a time, and a follow-up is one.
    """
    headers = {"x-fc-invocation-type": "Sync", "x-fc-log-type": "Tail"}
    with progress("Waiting for the function ...") as line:
        for _ in range(int(wait_seconds / POLL_SECONDS)):
            try:
                return function.invoke(event, headers)
            except ApiError as error:
                if error.status != THROTTLED:
                    raise
            line.update("Every instance of the function is busy. Waiting for one ...")
            sleep(POLL_SECONDS)
        return function.invoke(event, headers)


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


def _failed_invocation(error: str, log: str = "") -> Invocation:
    """The invocation whose error message is the outcome. Raises CommandError for another error."""
    try:
        raised = dict(json.loads(error))
    except (ValueError, TypeError):
        raised = {}
    message = str(raised.get("errorMessage") or error)
    if raised.get("errorType") in OUTCOME_ERRORS or not raised:
        return Invocation(_parse_response(message), True, log)
    raise CommandError(f"The function raised {raised.get('errorType')}: {message}")
