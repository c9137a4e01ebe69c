"""MNS over HTTP: queues at /queues, topics at /topics, on the port of all other services."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from itertools import groupby
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.answer_faults import apply_fault, response_instead
from localcloud.authenticator import Authenticator
from localcloud.faults import Fault, Faults
from localcloud.queues import documents, queue_calls, topic_calls
from localcloud.queues.calls import Answer, Call, Operation
from localcloud.queues.errors import MnsError, error
from localcloud.queues.service import QueueService
from localcloud.queues.signature import check_digest, check_signature

VERSION = "2015-06-06"
XML = "text/xml;charset=utf-8"
LOOK_SECONDS = 0.02  # between two looks of a long poll
REFUSALS = {  # faults by kind: of a request that is not examined
    "throttled": "QpsLimitExceeded",
    "throttled-with-header": "QpsLimitExceeded",
    "internal-error": "InternalError",
    "forbidden": "AccessDenied",
    "clock-skew": "TimeExpired",
    "token-expired": "InvalidAccessKeyId",
}

Serve = Callable[[Request], Awaitable[Response]]


def routes(service: QueueService, authenticator: Authenticator, faults: Faults) -> list[Route]:
    """Returns all routes but those of the account, whose path is that of other services too."""
    operations = sorted(
        (*queue_calls.operations(), *topic_calls.operations()), key=lambda one: one.path
    )
    return [
        Route(
            path,
            _endpoint({one.method: one for one in group}, service, authenticator, faults),
            methods=["GET", "PUT", "POST", "DELETE"],
        )
        for path, group in groupby(operations, key=lambda one: one.path)
    ]


def account_endpoint(
    service: QueueService, authenticator: Authenticator, faults: Faults
) -> Callable[[Request], Awaitable[Response]]:
    """Returns what serves `/?accountmeta=true`: the bucket for logs, which is only kept."""
    bucket = {"LoggingBucket": ""}

    def put(call: Call) -> Answer:
        bucket.update(documents.fields_of(call.document))
        return Answer(204)

    def get(_: Call) -> Answer:
        return Answer(200, documents.account_document(bucket["LoggingBucket"]))

    operations = {
        "PUT": Operation("PUT", "/", "SetAccountAttributes", put),
        "GET": Operation("GET", "/", "GetAccountAttributes", get),
    }
    return _endpoint(operations, service, authenticator, faults)


def is_account_request(request: Request) -> bool:
    """Whether a request of the port's root is one of MNS."""
    return "accountmeta" in request.query_params


def _endpoint(
    operations: dict[str, Operation],
    service: QueueService,
    authenticator: Authenticator,
    faults: Faults,
) -> Serve:
    async def serve(request: Request) -> Response:
        operation = operations.get(request.method)
        fault = faults.take(operation.action) if operation else None
        instead = response_instead(fault)
        if instead is not None:
            return instead
        id = uuid4().hex[:24].upper()
        try:
            call = await _call(request, service, authenticator, fault)
            if operation is None:
                raise error("InvalidRequestURL")
            answer = await _act(operation, call)
        except MnsError as failure:
            document = documents.error_document(failure, id, request.url.netloc)
            answer = Answer(failure.status, document)
        return await apply_fault(_response(answer, id), fault, faults)

    return serve


async def _call(
    request: Request, service: QueueService, authenticator: Authenticator, fault: Fault | None
) -> Call:
    """Returns the call that a request makes. Raises MnsError where it is refused."""
    if fault and fault.kind == "unavailable":
        raise MnsError(503, "ServiceUnavailable", "Service is unavailable.")
    if fault and fault.kind in REFUSALS:
        raise error(REFUSALS[fault.kind])
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.body()
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    resource = f"{path}?{query}" if query else path
    # Real time, not the cloud's clock: clients sign with theirs.
    now = datetime.now(timezone.utc)
    check_signature(request.method, resource, headers, authenticator, now)
    check_digest(headers, body)
    lower = {name.lower(): value for name, value in request.query_params.items()}
    url = f"{request.url.scheme}://{request.url.netloc}"
    return Call(service, request.path_params, lower, headers, body, url)


async def _act(operation: Operation, call: Call) -> Answer:
    """Performs a call. A receive that finds nothing may wait, in real time or the cloud's."""
    if not operation.polls:
        return operation.act(call)
    seconds = queue_calls.wait_seconds(call)
    until = call.service.clock.now() + timedelta(seconds=seconds)
    real_until = time.monotonic() + seconds
    while True:
        try:
            return operation.act(call)
        except MnsError as failure:
            is_over = time.monotonic() >= real_until or call.service.clock.now() >= until
            if is_over or failure.code != "MessageNotExist":
                raise
        await asyncio.sleep(LOOK_SECONDS)


def _response(answer: Answer, id: str) -> Response:
    headers = {"x-mns-request-id": id, "x-mns-version": VERSION}
    if answer.location:
        headers["Location"] = answer.location
    if answer.status == 204:
        return Response(status_code=204, headers=headers)
    return Response(answer.document, answer.status, headers, XML)
