"""`scalein invoke`: an event at the deployed function, and what became of it."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, NamedTuple
from uuid import uuid4

import fc2
from rich.console import Console

from scalein_cli import show
from scalein_cli.compute import ComputeError, Place, asked
from scalein_cli.run import outcomes_of

LOOK_SECONDS = 1.0
OVER = ("Succeeded", "Failed", "Stopped", "Expired", "Invalid")


class Answered(NamedTuple):
    answer: dict[str, Any]
    failed: bool  # the function raised: its trigger would send the event again
    log: str


def invoke(client: Any, place: Place, event: bytes) -> Answered:
    """Synchronously. Raises ComputeError."""
    headers = {"x-fc-invocation-type": "Sync", "x-fc-log-type": "Tail"}
    try:
        answer = asked("invoke", lambda: _called(client, place, event, headers))
    except _Raised as raised:
        return _failed(str(raised))
    log = base64.b64decode(answer.headers.get("x-fc-log-result", "")).decode("utf-8", "replace")
    return Answered(_read(answer.data), False, log)


def invoke_later(
    client: Any, place: Place, event: bytes, delay: int, wait: float, console: Console
) -> tuple[str, Answered | None]:
    """Asynchronously; waits so many seconds for its end: the last status, and the answer where it is told.

    Raises ComputeError.
    """
    task = f"cli-{uuid4()}"
    headers = {
        "x-fc-invocation-type": "Async",
        "x-fc-async-delay": str(delay),
        "x-fc-stateful-async-invocation-id": task,
        "x-fc-stateful-async-invocation-enable": "true",
    }
    asked("invoke", lambda: _called(client, place, event, headers))
    console.print(f"Accepted as task {task}.", highlight=False)
    until, found = time.monotonic() + wait, {"status": "Enqueued"}
    with console.status("Waiting for its end ..."):
        while found["status"] not in OVER and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            found = _task(client, place, task)
    if found.get("returnPayload"):  # not every account is told it
        return found["status"], Answered(_read(found["returnPayload"]), False, "")
    if found.get("invocationErrorMessage"):
        return found["status"], _failed(found["invocationErrorMessage"])
    return found["status"], None


def show_answer(answered: Answered, console: Console) -> None:
    for told in outcomes_of(answered.answer):
        if "status" in told:
            show.one(told, None, console)
        else:
            console.print_json(json.dumps(told))
    if answered.failed:
        console.print("The function raised: its trigger would send the event again.")


class _Raised(Exception):
    """An error of the function, as the platform tells it."""


def _called(client: Any, place: Place, event: bytes, headers: dict[str, str]) -> Any:
    """An error of the function is HTTP 200, and fc2 raises it with the answer as its text."""
    try:
        return client.invoke_function(
            place.service, place.function, event, headers, place.qualifier or None
        )
    except fc2.FcError as error:
        if error.status_code != 200:
            raise
        raise _Raised(error.message) from None


def _read(answer: bytes | str) -> dict[str, Any]:
    try:
        told = json.loads(answer)
    except ValueError:
        text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        raise ComputeError(f"the function answered with no outcome: {text[:300]}") from None
    return told if isinstance(told, dict) else {"answer": told}


def _failed(error: str) -> Answered:
    """The message of an error of the function is an outcome."""
    try:
        message = str(json.loads(error)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        message = error
    return Answered(_read(message), True, "")


def _task(client: Any, place: Place, task: str) -> dict[str, Any]:
    """fc2 has no method for it; its signature and its transport do."""
    path = f"/2016-08-15/services/{place.service}.{place.qualifier}/functions/{place.function}"
    path += f"/stateful-async-invocations/{task}"
    headers = client._build_common_headers("GET", path, {})
    return dict(asked("status", lambda: client._do_request("GET", path, headers)).json())
