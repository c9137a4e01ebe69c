"""What a person does in place of a client: any action of the API, metric values, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from time import perf_counter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud import answers, balancers, errors
from localcloud.buses import actions as buses
from localcloud.cloud import Call, LocalCloud
from localcloud.console.bodies import Body, error_response, guarded
from localcloud.console.history import ConsoleHistory
from localcloud.console.places import known_place, service_of
from localcloud.ess import reconciler
from localcloud.ess.actions.action import Action
from localcloud.ess.catalogue import ACTIONS
from localcloud.monitor import alerts
from localcloud.monitor.describe import ACTIONS as METRIC_ACTIONS
from localcloud.monitor.rule import OK, MetricRule

VERSION = "2014-08-28"  # whose parameters have the names that are declared
ACTIONS_BY_VERSION: Mapping[str, Mapping[str, Action]] = {  # no two have an action of one name
    VERSION: ACTIONS,
    "2019-01-01": METRIC_ACTIONS,
    buses.VERSION: buses.ACTIONS,
    balancers.SLB_VERSION: balancers.ACTIONS,
    balancers.ALB_VERSION: balancers.ALB_ACTIONS,
}
PERFORM = ("action", "params", "place")
METRIC = ("metricName", "value", "instanceIds", "groupId", "place")
ALARM = ("alarmTaskId", "ruleId", "state", "place")
STATES = (OK, "ALARM", "INSUFFICIENT_DATA")


def routes(cloud: LocalCloud, history: ConsoleHistory) -> list[Route]:
    """Returns the routes. None is met by a fault: those are for clients.

    Each is for the place {"place": ACCOUNT/REGION}; without it for that which has what is named.
    """
    secret = cloud.authenticator.access_key_secret

    def perform(body: Body) -> Response:
        """Performs {"action", "params"}, with names as in 2014-08-28."""
        params = {name: str(value) for name, value in dict(body.get("params") or {}).items()}
        action, place = str(body.get("action", "")), str(body.get("place") or "")
        return _perform(cloud, history, action, params, place)

    def metric(body: Body) -> Response:
        """Sets {"metricName", "value"} of the instances {"instanceIds"}, or of {"groupId"}."""
        return _put_metric(cloud, body)

    def alarm(body: Body) -> Response:
        """Brings the alarm task {"alarmTaskId"} into {"state"}; ALARM runs its rules.

        Or an alert rule of CloudMonitor {"ruleId"}; ALARM writes to its targets.
        """
        return _set_metric_rule(cloud, body) if "ruleId" in body else _set_alarm(cloud, body)

    async def actions(_: Request) -> Response:
        return JSONResponse({"actions": _actions()})

    return [
        Route("/localcloud/actions", actions),
        Route("/localcloud/perform", guarded(secret, perform, PERFORM), methods=["POST"]),
        Route("/localcloud/metrics", guarded(secret, metric, METRIC), methods=["POST"]),
        Route("/localcloud/alarms", guarded(secret, alarm, ALARM), methods=["POST"]),
    ]


def _perform(
    cloud: LocalCloud, history: ConsoleHistory, action: str, params: dict[str, str], place: str
) -> Response:
    started, id = perf_counter(), answers.request_id()
    version = next((v for v, known in ACTIONS_BY_VERSION.items() if action in known), VERSION)
    whole = {"Version": version, "Action": action, **params}
    call = Call(action, whole, 200, at=history.now(), request_id=id, caller="console")
    try:
        service = service_of(cloud, params, place)
        whole["RegionId"] = service.region_id
        answer: dict[str, Any] = {"RequestId": id, **cloud.perform(action, whole, service)}
    except errors.ApiError as error:
        call.status, call.code = error.status, error.code
        answer = {"error": error.message, "code": error.code, "RequestId": id}
    call.milliseconds = (perf_counter() - started) * 1_000
    history.record_call(call)
    return JSONResponse(answer, call.status)


def _put_metric(cloud: LocalCloud, body: Body) -> Response:
    """Sets a value. Raises KeyError, TypeError, ValueError."""
    name, value = str(body["metricName"]).strip(), float(body["value"])
    if not name or not isfinite(value):
        return error_response("a metric has a name, such as CPUUtilization, and a number")
    ids, count = set(body.get("instanceIds") or ()), 0
    place = known_place(cloud, str(body.get("place") or ""))
    services = [one for one in cloud.services() if place in (None, one.place)]
    for group in (group for service in services for group in service.groups.values()):
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
    service = service_of(cloud, {"AlarmTaskId": id}, str(body.get("place") or ""))
    alarm = service.alarms.get(id)
    state = str(body.get("state", "ALARM"))
    if alarm is None or state not in STATES:
        return error_response("alarmTaskId is one that exists; state ALARM, OK, INSUFFICIENT_DATA")
    known = set(service.activities)
    alarm.state, alarm.evaluated_at = state, now
    alarm.breaches = alarm.evaluation_count if state == "ALARM" else 0
    if state == "ALARM":
        reconciler.run_alarm(service, alarm, now)
    began = (a for id, a in service.activities.items() if id not in known)
    started = [a.scaling_activity_id for a in began if a.status_code != "Rejected"]
    return JSONResponse({"state": alarm.state, "activities": started})


def _set_metric_rule(cloud: LocalCloud, body: Body) -> Response:
    """Sets the level of all resources of a rule. Raises KeyError."""
    now, id = cloud.advance(), str(body["ruleId"])
    service = service_of(cloud, {"RuleId": id}, str(body.get("place") or ""))
    rule: MetricRule | None = service.metric_rules.get(id)
    state = str(body.get("state", "ALARM"))
    if rule is None or state not in STATES:
        return error_response("ruleId is one that exists; state ALARM, OK, INSUFFICIENT_DATA")
    level = next(iter(rule.escalations)) if state == "ALARM" else state
    alerts.set_level(service, rule, level, now)
    return JSONResponse({"state": rule.alert_state})


def _actions() -> list[dict[str, Any]]:
    """Returns what each action takes; `list`: numbered from 1."""
    known = {name: one for actions in ACTIONS_BY_VERSION.values() for name, one in actions.items()}
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
        for _, action in sorted(known.items())
    ]
