"""Tasks over HTTP: asynchronous invocations with an id, listed, looked up and stopped.

2.0 calls them stateful asynchronous invocations, 3.0 asynchronous tasks. (Help pages
"StatefulAsyncInvocation" and "AsyncTask"; times are milliseconds since 1970.)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from starlette.requests import Request

from localcloud.functions.answers import NEWER, OLDER
from localcloud.functions.invocation_queue import Invocation
from localcloud.functions.model import NATIVE, FcError
from localcloud.functions.platform import Platform
from localcloud.functions.routing import ActRoute, listed, named

OLDER_TASKS = OLDER + "/services/{service}/functions/{function}/stateful-async-invocations"
NEWER_TASKS = NEWER + "/functions/{function}/async-tasks"


def task_routes(platform: Platform) -> Iterator[ActRoute]:
    """Yields path, method and act of each route of tasks."""

    def key(request: Request) -> tuple[str, str]:
        service, _, qualifier = request.path_params.get("service", NATIVE).partition(".")
        function = platform.registry.function(service, named(request), qualifier)
        return function.service, function.name

    def task(request: Request) -> Invocation:
        found = platform.queue.tasks.get((*key(request), named(request, "task")))
        if found is None:
            message = f"the task '{named(request, 'task')}' does not exist"
            raise FcError(404, "StatefulAsyncInvocationNotFound", message)
        return found

    def listing(request: Request, _: bytes) -> Any:
        of_function = key(request)
        tasks = [t for (*owner, _), t in platform.queue.tasks.items() if (*owner,) == of_function]
        has_payload = request.query_params.get("includePayload", "").lower() == "true"
        items = [_described(platform, t, has_payload) for t in _selected(request, tasks)]
        is_native = of_function[0] == NATIVE
        name, id = ("tasks", "taskId") if is_native else ("invocations", "invocationId")
        return listed(request, name, id, items)

    def get(request: Request, _: bytes) -> Any:
        return _described(platform, task(request), has_payload=True)

    def stop(request: Request, _: bytes) -> None:
        platform.stop(task(request))

    for tasks in (OLDER_TASKS, NEWER_TASKS):
        yield tasks, "GET", listing
        yield tasks + "/{task}", "GET", get
    yield OLDER_TASKS + "/{task}", "PUT", stop
    yield NEWER_TASKS + "/{task}/stop", "PUT", stop


def _selected(request: Request, tasks: list[Invocation]) -> list[Invocation]:
    """Returns the tasks that the query asks for; without an order, the newest first."""
    query = request.query_params
    since, until = int(query.get("startedTimeBegin") or 0), int(query.get("startedTimeEnd") or 0)
    if query.get("sortOrderByTime", "desc").lower() != "asc":
        tasks = tasks[::-1]
    return [
        task
        for task in tasks
        if query.get("status") in (None, "", task.status)
        and query.get("qualifier") in (None, "", task.qualifier)
        and (not since or _milliseconds(task.started_at) >= since)
        and (not until or _milliseconds(task.started_at) <= until)
    ]


def _described(platform: Platform, task: Invocation, has_payload: bool) -> dict[str, Any]:
    answer = task.answer.decode("utf-8", "replace")
    started, ended = _milliseconds(task.started_at), _milliseconds(task.ended_at)
    is_native = task.service == NATIVE
    described = {
        ("taskId" if is_native else "invocationId"): task.task_id,
        "requestId": task.request_id,
        "qualifier": task.qualifier,
        "status": task.status,
        "startedTime": started,
        "endTime": ended,
        "durationMs": max(0, ended - started) if started and ended else 0,
        "alreadyRetriedTimes": max(0, task.attempts - (task.status in ("Failed", "Expired"))),
        "instanceId": task.instance_id,
        "events": [
            {"status": status, "timestamp": _milliseconds(moment), "eventId": number}
            for number, (status, moment) in enumerate(task.events, 1)
        ],
    }
    if is_native:
        described["functionArn"] = f"{platform.registry.arn_root}:functions/{task.function}"
    else:
        described.update(functionName=task.function, serviceName=task.service)
    if has_payload:
        payload, error = (
            ("taskPayload", "taskErrorMessage")
            if is_native
            else ("invocationPayload", "invocationErrorMessage")
        )
        described[payload] = task.event.decode("utf-8", "replace")
        described["returnPayload"] = answer if task.status == "Succeeded" else ""
        described[error] = answer if task.status == "Failed" else ""
    return described


def _milliseconds(moment: datetime | None) -> int:
    return int(moment.timestamp() * 1_000) if moment else 0
