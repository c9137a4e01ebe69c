"""A proxy that records: it forwards each call unchanged, and keeps request and answer.

It has no keys: a call keeps the signature of its client. Signature V3 covers the Host, so clients
of the newer SDKs name the real endpoint, and the recorder as their HTTP proxy; what they sign is
then what the cloud receives. It reads HTTP alone, and forwards to Alibaba Cloud and to `--to` only.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from localcloud.redaction import redacted, redacted_params, secrets_of
from localcloud.wire import Incoming, parameters

DOMAIN = ".aliyuncs.com"
TIMEOUT_SECONDS = 60
OF_ONE_CONNECTION = {
    *("connection", "proxy-connection", "keep-alive", "transfer-encoding", "content-length"),
    *("accept-encoding", "proxy-authorization", "te", "trailer", "upgrade"),
}
NO_TARGET = "This recorder forwards to hosts of aliyuncs.com, and to --to.\n"


class Answer(NamedTuple):
    """What the cloud answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Recorder:
    """ASGI application. `target`: where calls go that name no host. `now`: dates the lines."""

    def __init__(self, file: Path, target: str, now: Callable[[], datetime]) -> None:
        self._file = file
        self._target = urlsplit(target)
        self._now = now
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        target = self._target_of(scope["path"])
        if target is None:
            await PlainTextResponse(NO_TARGET, 421)(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = urlsplit(scope["path"]).path or "/"
        query = scope["query_string"].decode("latin-1")
        incoming = Incoming(request.method, path, query, headers, await request.body())
        at = self._now()
        try:
            answer = await run_in_threadpool(_forward, incoming, target)
        except (OSError, http.client.HTTPException) as error:
            text = f"{target.netloc} does not answer: {error}\n"
            await PlainTextResponse(text, 502)(scope, receive, send)
            return
        await run_in_threadpool(self._record, at, target, incoming, answer)
        response = Response(answer.body, answer.status)
        for name, value in answer.headers:
            if name.lower() not in (*OF_ONE_CONNECTION, "date"):
                response.headers[name] = value
        await response(scope, receive, send)

    def _target_of(self, path: str) -> SplitResult | None:
        """Returns where a call goes; None where it may not go there."""
        named = urlsplit(path)
        if not named.netloc:
            return self._target if self._target.netloc else None
        is_cloud = f".{named.hostname}".endswith(DOMAIN)
        return named if is_cloud or named.netloc == self._target.netloc else None

    def _record(self, at: datetime, target: SplitResult, sent: Incoming, answer: Answer) -> None:
        line = json.dumps(entry_of(at, target.netloc, sent, answer))
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def entry_of(at: datetime, host: str, sent: Incoming, answer: Answer) -> dict[str, Any]:
    """Returns what is recorded of one call, without secrets."""
    params = parameters(sent)
    secrets = secrets_of(params, sent.headers)
    text = answer.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    entry = {
        "at": at.isoformat(),
        "host": host,
        "method": sent.method,
        "path": sent.path,
        "params": redacted(redacted_params(params), secrets),
        "status": answer.status,
        "answer": redacted(body, secrets),
    }
    if "Action" not in params or sent.path != "/":
        entry["body"] = redacted(_json_or_text(sent.body), secrets)
    return entry


def _json_or_text(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _forward(sent: Incoming, target: SplitResult) -> Answer:
    """Sends the call on. Raises OSError, HTTPException."""
    secure = target.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(target.hostname or "", target.port, timeout=TIMEOUT_SECONDS)
    headers = {k: v for k, v in sent.headers.items() if k not in OF_ONE_CONNECTION}
    if not sent.is_acs3:  # which signs it
        headers["host"] = target.netloc
    path = f"{sent.path}?{sent.query}" if sent.query else sent.path
    try:
        connection.request(sent.method, path, sent.body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()
