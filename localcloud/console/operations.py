"""What a person does in place of a client: any action of the API, metric values, alarms."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from math import isfinite
from time import perf_counter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud import answers, errors
from localcloud.cloud import Call, LocalCloud
from localcloud.console.bodies import (
    NOT_ALLOWED,
    error_response,
    has_secret_or_is_local,
    read_object,
)
from localcloud.console.history import ConsoleHistory
from localcloud.ess import reconciler
from localcloud.ess.catalogue import ACTIONS
from localcloud.ess.service import Service
from localcloud.monitor.describe import ACTIONS as METRIC_ACTIONS

METRIC_VERSION = "2019-01-01"
VERSION = "2014-08-28"  # whose parameters have the names that are declared
Body = Mapping[str, Any]
Operate = Callable[[Body], Response]


def routes(cloud: LocalCloud, history: ConsoleHistory) -> list[Route]:
    """Returns the routes. None is met by a fault: those are for clients."""

    def perform(body: Body) -> Response:
        """Performs {"action", "params"}, with names as in 2014-08-28."""
        params = {name: str(value) for name, value in dict(body.get("params") or {}).items()}
        return _perform(cloud, history, str(body.get("action", "")), params)

    def metric(body: Body) -> Response:
        """Sets {"metricName", "value"} of the instances {"instanceIds"}, or of {"groupId"}."""
        return _put_metric(cloud, body)

    def alarm(body: Body) -> Response:
        """Brings the alarm task {"alarmTaskId"} into {"state"}; ALARM runs its rules."""
        return _set_alarm(cloud, body)

    async def actions(_: Request) -> Response:
        return JSONResponse({"actions": _actions()})

    return [
        Route("/localcloud/actions", actions),
        Route("/localcloud/perform", _guarded(cloud, perform), methods=["POST"]),
        Route("/localcloud/metrics", _guarded(cloud, metric), methods=["POST"]),
        Route("/localcloud/alarms", _guarded(cloud, alarm), methods=["POST"]),
    ]


def _guarded(
    cloud: LocalCloud, operate: Operate
) -> Callable[[Request], Coroutine[None, None, Response]]:
    """Returns the endpoint: for a person at this machine, or with the secret."""

    async def endpoint(request: Request) -> Response:
        if not has_secret_or_is_local(request, cloud.authenticator.access_key_secret):
            return error_response(NOT_ALLOWED, 403, "SecretNeeded")
        body = await read_object(request)
        try:
            return operate(body)
        except (KeyError, TypeError, ValueError) as error:
            return error_response(f"the request is wrong: {error}")

    return endpoint


def _perform(
    cloud: LocalCloud, history: ConsoleHistory, action: str, params: dict[str, str]
) -> Response:
    started, id = perf_counter(), answers.request_id()
    version = METRIC_VERSION if action in METRIC_ACTIONS else VERSION
    service = _service_of(cloud, params)
    whole = {"RegionId": service.region_id, "Version": version, "Action": action, **params}
    call = Call(action, whole, 200, at=history.now(), request_id=id, caller="console")
    try:
        answer: dict[str, Any] = {"RequestId": id, **cloud.perform(action, whole, service)}
    except errors.ApiError as error:
        call.status, call.code = error.status, error.code
        answer = {"error": error.message, "code": error.code, "RequestId": id}
    call.milliseconds = (perf_counter() - started) * 1_000
    history.record_call(call)
    return JSONResponse(answer, call.status)


def _service_of(cloud: LocalCloud, params: Mapping[str, str]) -> Service:
    """Returns the account and region that has what the parameters name; else the home."""
    values = set(params.values())
    ids = values | {value.rpartition("/")[2] for value in values}  # of a rule's ARI too

    def has_any(service: Service) -> bool:
        parts: list[Mapping[str, object]] = [service.groups, service.alarms, service.hooks]
        parts += [service.rules, service.scheduled_tasks, service.lifecycle_actions]
        parts += [group.instances for group in service.groups.values()]
        return any(id in part for part in parts for id in ids)

    return next(filter(has_any, cloud.services()), cloud.service)


def _put_metric(cloud: LocalCloud, body: Body) -> Response:
    """Sets a value. Raises KeyError, TypeError, ValueError."""
    name, value = str(body["metricName"]).strip(), float(body["value"])
    if not name or not isfinite(value):
        return error_response("a metric has a name, such as CPUUtilization, and a number")
    ids = set(body.get("instanceIds") or ())
    count = 0
    for group in (group for service in cloud.services() for group in service.groups.values()):
        is_whole = group.scaling_group_id == body.get("groupId")
        for instance in group.instances.values():
            if is_whole or instance.instance_id in ids:
                instance.metrics = {**instance.metrics, name: value}
                count += 1
    if not count:
        return error_response("no such instance or scaling group", 404)
    return JSONResponse({"instances": count})


def _set_alarm(cloud: LocalCloud, body: Body) -> Response:
    """Sets a state. Raises KeyError."""
    now, id = cloud.advance(), str(body["alarmTaskId"])
    service = _service_of(cloud, {"AlarmTaskId": id})
    alarm = service.alarms.get(id)
    state = str(body.get("state", "ALARM"))
    if alarm is None or state not in ("ALARM", "OK", "INSUFFICIENT_DATA"):
        return error_response("alarmTaskId is one that exists; state ALARM, OK, INSUFFICIENT_DATA")
    known = set(service.activities)
    alarm.state, alarm.evaluated_at = state, now
    alarm.breaches = alarm.evaluation_count if state == "ALARM" else 0
    if state == "ALARM":
        reconciler.run_alarm(service, alarm, now)
    began = (a for id, a in service.activities.items() if id not in known)
    started = [a.scaling_activity_id for a in began if a.status_code != "Rejected"]
    return JSONResponse({"state": alarm.state, "activities": started})


def _actions() -> list[dict[str, Any]]:
    """Returns what each action takes; `list`: numbered from 1."""
    return [
        {
            "name": action.name,
            "missing": action.missing,
            "parameters": [
                {"name": p.name, "required": p.required, "list": p.is_list}
                for p in action.parameters
                if p.name != "RegionId"
            ],
        }
        for _, action in sorted({**ACTIONS, **METRIC_ACTIONS}.items())
    ]
