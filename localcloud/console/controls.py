"""What stands around the cloud: its clock, faults and lags, its state as a file, its messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.action_names import action_names
from localcloud.cloud import LocalCloud
from localcloud.console.bodies import check_fields, error_response, read_object
from localcloud.console.history import ConsoleHistory
from localcloud.faults import KINDS
from localcloud.persistence import whole_document
from localcloud.version import current_version

MAX_ADVANCE_SECONDS = 366 * 86_400
MAX_TIMES, MAX_SEED = 1_000_000, 1 << 53


def routes(cloud: LocalCloud) -> list[Route]:
    """Returns the routes."""

    async def clock(request: Request) -> Response:
        """Puts the clock forward: {"advance": seconds}."""
        try:
            return JSONResponse({"now": _put_forward(cloud, await read_object(request))})
        except ValueError as error:
            return error_response(str(error))

    async def faults(request: Request) -> Response:
        """Adds faults or a lag (see `_set_faults`) and lists them; DELETE ends all of them."""
        try:
            if request.method == "POST":
                _set_faults(cloud, await read_object(request))
        except (KeyError, TypeError, ValueError) as error:
            return error_response(str(error))
        if request.method == "DELETE":
            cloud.faults.clear()
            cloud.rate_limits.clear()
            cloud.lag.lists = cloud.lag.history = 0.0
        return JSONResponse(_faults_view(cloud))

    async def state(_: Request) -> Response:
        cloud.advance()
        document = whole_document(cloud, {})
        headers = {"Content-Disposition": 'attachment; filename="fleet.json"'}
        return JSONResponse(document, headers=headers)

    async def messages(_: Request) -> Response:
        cloud.advance()
        messages = [message for service in cloud.services() for message in service.sent_messages]
        return JSONResponse({"messages": messages})

    return [
        Route("/localcloud/clock", clock, methods=["POST"]),
        Route("/localcloud/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/localcloud/state", state),
        Route("/localcloud/messages", messages),
    ]


def _put_forward(cloud: LocalCloud, body: Mapping[str, Any]) -> str:
    """Puts the clock forward, and returns its time. Raises ValueError."""
    check_fields(body, "advance")
    advance, seconds = getattr(cloud.service.clock, "advance", None), body.get("advance")
    is_number = isinstance(seconds, (int, float))
    if not is_number or not 0 <= float(seconds or 0) <= MAX_ADVANCE_SECONDS:
        raise ValueError("advance is a number of seconds, from 0 to a year")
    if advance is None:
        raise ValueError("the real clock cannot be put forward")
    advance(seconds)
    return cloud.advance().isoformat()


def run_routes(cloud: LocalCloud, history: ConsoleHistory) -> list[Route]:
    """Returns the routes of a cloud as a whole: whether it answers, and its way back."""

    async def health(_: Request) -> Response:
        """Answers as soon as calls are answered: for who waits until this cloud is up."""
        now = cloud.service.clock.now().isoformat()
        return JSONResponse({"status": "ok", "version": current_version(), "now": now})

    async def reset(_: Request) -> Response:
        """Goes back to the fleet file: groups, faults and all; keys and the clock remain."""
        if cloud.reset is None:
            return error_response("this cloud did not start from a fleet file")
        cloud.reset()
        history.clear()
        return JSONResponse({"now": cloud.service.clock.now().isoformat()})

    return [
        Route("/localcloud/health", health),
        Route("/localcloud/reset", reset, methods=["POST"]),
    ]


def _faults_view(cloud: LocalCloud) -> dict[str, Any]:
    faults, lag = cloud.faults, cloud.lag
    return {
        "pending": [vars(fault) for fault in faults.pending if fault.times > 0],
        "rate": faults.rate,
        "kinds": list(faults.kinds),
        "known": list(KINDS),
        "actions": sorted(action_names()),
        "lag": {"lists": lag.lists, "history": lag.history, "varies": lag.varies},
        "rateLimits": cloud.rate_limits.max_by_action,
        "happened": dict(faults.occurrences),
    }


def _set_faults(cloud: LocalCloud, body: Mapping[str, Any]) -> None:
    """Adds one fault, {"kind", "action", "times", "seconds"}; sets a share of all calls,
    {"rate", "kinds", "seed", "action", "seconds"}; or sets {"lag": {...}} or {"rateLimits": {...}},
    where null ends a limit.

    Raises KeyError, TypeError, ValueError.
    """
    action = str(body.get("action", "*"))
    if "lag" in body:
        check_fields(body, "lag")
        _set_lag(cloud, dict(body["lag"]))
    elif "rateLimits" in body:
        check_fields(body, "rateLimits")
        for name, calls in dict(body["rateLimits"]).items():
            if calls is None:
                cloud.rate_limits.end(str(name))
            else:
                cloud.rate_limits.set(str(name), float(calls))
    elif "rate" in body:
        check_fields(body, "rate", "kinds", "seed", "action", "seconds")
        rate, seconds = _number(body, "rate", 0, 1), _number(body, "seconds", 0.3)
        kinds, seed = list(body.get("kinds", ())), int(_number(body, "seed", 0, MAX_SEED))
        if rate and not kinds:
            raise ValueError("a rate needs kinds, such as throttled")
        cloud.faults.set_random(rate, kinds, seed, action, seconds)
    elif body:
        check_fields(body, "kind", "action", "times", "seconds")
        times, seconds = _number(body, "times", 1, MAX_TIMES), _number(body, "seconds", 0)
        cloud.faults.add(str(body.get("kind", "")), action, int(times), seconds)


def _number(
    body: Mapping[str, Any], name: str, default: float, max_value: float = MAX_ADVANCE_SECONDS
) -> float:
    """Returns a field of the body, or the default. Raises ValueError for what JSON cannot show."""
    value = body.get(name, default)
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 <= value <= max_value
    ):
        raise ValueError(f"{name} is a number from 0 to {max_value}")
    return float(value)


def _set_lag(cloud: LocalCloud, body: Mapping[str, Any]) -> None:
    """Sets how late reads are: {"lists", "history", "varies", "seconds": for how long}."""
    check_fields(body, "lists", "history", "varies", "seconds")
    lists, history = _number(body, "lists", 0), _number(body, "history", 0)
    seconds = None if body.get("seconds") is None else _number(body, "seconds", 0)
    lag = cloud.lag
    lag.lists, lag.history = lists, history
    lag.varies = bool(body.get("varies", False))
    lag.until = None
    if seconds is not None:
        lag.until = cloud.service.clock.now() + timedelta(seconds=seconds)
