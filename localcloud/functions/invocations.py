"""Invocations over HTTP: which headers they take, and which their answers have.

(Help pages "InvokeFunction" of 2.0 and 3.0. The other headers of an answer, and that 3.0 names the
version as 2.0 does, are as the component fc3 of Serverless Devs reads them.)
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import NamedTuple
from uuid import uuid4

from starlette.responses import Response

from localcloud.functions.checks import check_task_id
from localcloud.functions.instances import Result
from localcloud.functions.invocation_queue import MAX_BYTES, InvocationQueue, TaskExists
from localcloud.functions.model import LATEST, NATIVE, FcError, Function

MAX_DELAY_SECONDS = 3_600
MAX_SYNC_BYTES = 32 << 20
TYPES = ("", "Sync", "Async", "Task")
LOG_TYPES = ("", "None", "Tail")
OLDER_TASK_ID, NEWER_TASK_ID = "x-fc-stateful-async-invocation-id", "x-fc-async-task-id"
TASK_ENABLE = "x-fc-stateful-async-invocation-enable"
EXPOSED = (
    "Date,x-fc-request-id,x-fc-error-type,x-fc-code-checksum,x-fc-invocation-duration,"
    "x-fc-max-memory-usage,x-fc-log-result,x-fc-invocation-code-version"
)


class Address(NamedTuple):
    """What an invocation names: the service, NATIVE in 3.0, the function and a qualifier."""

    service: str
    function: str
    qualifier: str


def check_call(headers: Mapping[str, str], event: bytes) -> bool:
    """Returns whether the call is asynchronous. Raises FcError for what no call may have."""
    kind = headers.get("x-fc-invocation-type", "")
    if kind not in TYPES:
        raise FcError(400, "InvalidArgument", "x-fc-invocation-type is Sync or Async")
    if headers.get("x-fc-log-type", "") not in LOG_TYPES:
        raise FcError(400, "InvalidArgument", "x-fc-log-type is None or Tail")
    is_asynchronous = kind in ("Async", "Task")
    limit = MAX_BYTES if is_asynchronous else MAX_SYNC_BYTES
    if len(event) > limit:
        message = f"payload size exceeds maximum allowed size ({limit} bytes)"
        raise FcError(400, "EntityTooLarge", message)
    return is_asynchronous


def accept(
    queue: InvocationQueue,
    address: Address,
    event: bytes,
    headers: Mapping[str, str],
    numbers_tasks: bool = False,
) -> Response:
    """Queues an asynchronous invocation. Raises FcError.

    `numbers_tasks`: the function's configuration makes each invocation a task, with an id.
    """
    delay = headers.get("x-fc-async-delay", "0")
    if not delay.isdecimal() or int(delay) > MAX_DELAY_SECONDS:
        raise FcError(
            400, "InvalidArgument", f"x-fc-async-delay is 0 to {MAX_DELAY_SECONDS} seconds"
        )
    task_id = headers.get(OLDER_TASK_ID) or headers.get(NEWER_TASK_ID) or ""
    if task_id:
        check_task_id(task_id)
    elif numbers_tasks or headers.get(TASK_ENABLE, "").lower() == "true":
        task_id = f"task-{uuid4()}"
    try:
        accepted = queue.accept(
            address.service, address.function, event, int(delay), task_id, address.qualifier
        )
    except TaskExists as error:
        message = f"the task '{task_id}' exists already"
        raise FcError(409, "StatefulAsyncInvocationAlreadyExists", message) from error
    answered = {"X-Fc-Request-Id": accepted.request_id}
    if task_id:
        answered[NEWER_TASK_ID if address.service == NATIVE else OLDER_TASK_ID] = task_id
    return Response(status_code=202, headers=answered)


def result_response(
    function: Function, result: Result, headers: Mapping[str, str], request_id: str
) -> Response:
    """Returns a result. An error of the function is HTTP 200 too, with X-Fc-Error-Type."""
    answered = {
        "Access-Control-Expose-Headers": EXPOSED,
        "X-Fc-Code-Checksum": str(function.description["codeChecksum"]),
        "X-Fc-Instance-Id": result.instance_id,
        "X-Fc-Invocation-Duration": f"{result.seconds * 1_000:.0f}",
        "X-Fc-Invocation-Service-Version": function.version_id or LATEST,
        "X-Fc-Max-Memory-Usage": f"{result.max_memory_used_mb:.2f}",
        "X-Fc-Request-Id": request_id,
    }
    if result.error:
        answered["X-Fc-Error-Type"] = result.error
    if headers.get("x-fc-log-type") == "Tail":
        answered["X-Fc-Log-Result"] = base64.b64encode(result.log).decode()
    return Response(
        result.body, headers=answered, media_type="application/json" if result.error else None
    )
