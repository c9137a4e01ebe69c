"""Simple Log Service over HTTP (API 0.6.0), as far as aliyun-log-python-sdk writes and queries.

PutLogs, GetLogs of both forms, and the index of a log store. A project is the first part of the
Host; projects and log stores exist as soon as something is written to them. Signature: version 1
(help page "Request signatures"), HMAC-SHA1 in an Authorization header that begins with LOG."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
import zlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud import errors
from localcloud.authenticator import Authenticator, check_time
from localcloud.clock import SystemClock
from localcloud.logs.index import Index, index_of
from localcloud.logs.log_group import rows_in
from localcloud.logs.lz4_block import decompress
from localcloud.logs.rows import Row
from localcloud.logs.search import SearchError
from localcloud.logs.store import LogStores

DEFAULT_LINES, MAX_LINES, MAX_BYTES = 100, 100, 30 << 20
FULL_TEXT = index_of({"FullTextIndex": {"Enable": True}})
NEEDS_EXTRA = "queries need: pip install alibaba-localcloud[logs]"
Act = Callable[[Request, bytes, str, str], Response]


class LogError(Exception):
    """An error answer: HTTP status, errorCode, errorMessage."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def log_routes(stores: LogStores, authenticator: Authenticator) -> list[Route]:
    """Returns all routes."""

    def put_logs(request: Request, body: bytes, project: str, logstore: str) -> Response:
        try:
            stores.append(project, logstore, rows_in(_raw(request, body)))
        except (ValueError, zlib.error) as error:
            raise LogError(
                400, "PostBodyInvalid", f"Protobuf content cannot parse: {error}."
            ) from (error)
        return Response()

    def get_logs(request: Request, body: bytes, project: str, logstore: str) -> Response:
        query = _json_object(body) if request.method == "POST" else dict(request.query_params)
        rows, has_sql = _found(stores, query, project, logstore)
        meta = {"progress": "Complete", "count": len(rows), "hasSQL": has_sql}
        meta |= {"processedRows": len(rows), "elapsedMillisecond": 0}
        if request.method == "POST":
            return JSONResponse({"meta": meta, "data": rows})
        headers = {"x-log-progress": "Complete", "x-log-count": str(len(rows))}
        return JSONResponse(rows, headers={**headers, "x-log-has-sql": str(has_sql).lower()})

    def put_index(_: Request, body: bytes, project: str, logstore: str) -> Response:
        stores.indexes[project, logstore] = _index(_json_object(body))
        return Response()

    acts: list[tuple[str, str, Act, str]] = [
        ("/shards/lb", "POST", put_logs, "PostLogStoreLogs"),
        ("/shards/route", "POST", put_logs, "PostLogStoreLogs"),
        ("/logs", "POST", get_logs, "GetLogStoreLogs"),
        ("", "GET", get_logs, "GetLogStoreLogs"),
        ("/index", "POST", put_index, "CreateIndex"),
        ("/index", "PUT", put_index, "UpdateIndex"),
    ]
    return [
        Route(
            "/logstores/{logstore}" + path, _endpoint(act, action, authenticator), methods=[method]
        )
        for path, method, act, action in acts
    ]


def _endpoint(act: Act, action: str, authenticator: Authenticator) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        body = await request.body()
        project = request.headers.get("host", "").partition(".")[0]
        logstore = request.path_params["logstore"]
        try:
            key_id = _check(request, body, authenticator)
            resource = f"project/{project}/logstore/{logstore}"
            _check_rights(authenticator, key_id, action, resource)
            answer = await run_in_threadpool(act, request, body, project, logstore)
        except LogError as error:
            content = {"errorCode": error.code, "errorMessage": str(error)}
            answer = JSONResponse(content, error.status)
        answer.headers["x-log-requestid"] = uuid.uuid4().hex[:24].upper()
        return answer

    return serve


def _check_rights(authenticator: Authenticator, key_id: str, action: str, resource: str) -> None:
    if not authenticator.identities.permits_in_place(key_id, "log", action, resource):
        message = f"denied by sts or ram, action: log:{action}, resource: {resource}"
        raise LogError(401, "Unauthorized", message)


def _check(request: Request, body: bytes, authenticator: Authenticator) -> str:
    """Checks key, time, content, token and signature; returns the key's id. Raises LogError."""
    headers = request.headers
    kind, _, rest = headers.get("authorization", "").partition(" ")
    key_id, _, signature = rest.partition(":")
    if kind != "LOG" or not signature:
        raise LogError(400, "MissingAuthorization", "The header Authorization is LOG id:signature.")
    identities, now = authenticator.identities, SystemClock().now()
    token = headers.get("x-acs-security-token")
    try:
        secret = authenticator.secret_of(key_id)
        check_time(parsedate_to_datetime(headers.get("date") or headers["x-log-date"]), now)
        authenticator.check_token(token, key_id)
        identities.check_session(key_id, token, identities.now())
    except errors.AccessKeyNotFound as error:
        raise LogError(401, "Unauthorized", "AccessKeyId not found: " + key_id) from error
    except (errors.ApiError, KeyError, TypeError, ValueError) as error:
        message = f"The date or token is wrong: {error}"
        raise LogError(400, "RequestTimeTooSkewed", message) from error
    md5 = headers.get("content-md5", "")
    if md5 and md5 != hashlib.md5(body, usedforsecurity=False).hexdigest().upper():
        raise LogError(400, "InvalidContentMD5", "The body has another MD5.")
    expected = signature_of(
        secret, request.method, request.url.path, dict(request.query_params), headers
    )
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise LogError(401, "SignatureNotMatch", f"signature {signature} not match")
    return key_id


def signature_of(
    secret: str, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """Returns the signature, version 1, of a request. `headers`: names in lower case."""
    date = headers.get("date") or headers.get("x-log-date", "")
    signed = sorted(
        (name, value)
        for name, value in headers.items()
        if name.startswith(("x-log-", "x-acs-")) and name != "x-log-date"
    )
    query = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
    lines = [method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    lines += [f"{name}:{value}" for name, value in signed]
    text = "\n".join([*lines, f"{path}?{query}" if query else path])
    return base64.b64encode(
        hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    ).decode()


def _raw(request: Request, body: bytes) -> bytes:
    """Returns the body, decompressed. Raises ValueError, zlib.error."""
    size = int(request.headers.get("x-log-bodyrawsize") or len(body))
    if size > MAX_BYTES:
        raise LogError(400, "PostBodyTooLarge", f"body size {size} must little than {MAX_BYTES}")
    kind = request.headers.get("x-log-compresstype", "")
    if kind == "lz4":
        return decompress(body, size)
    if kind in ("deflate", "gzip"):
        return zlib.decompressobj().decompress(body, MAX_BYTES)
    if kind:
        raise LogError(400, "InvalidCompressType", f"the compress type {kind} is not supported")
    return body


def _found(
    stores: LogStores, query: Mapping[str, Any], project: str, logstore: str
) -> tuple[list[dict[str, str]], bool]:
    """Returns the rows of an answer, and whether the query has a SELECT. Raises LogError."""
    try:
        since, until = int(query["from"]), int(query["to"])
        line, offset = int(query.get("line") or DEFAULT_LINES), int(query.get("offset") or 0)
    except (KeyError, TypeError, ValueError) as error:
        raise LogError(400, "ParameterInvalid", "from and to are seconds") from error
    if (project, logstore) not in stores and (project, logstore) not in stores.indexes:
        raise LogError(404, "LogStoreNotExist", f"logstore {logstore} does not exist")
    text = str(query.get("query") or "")
    topic = query.get("topic")
    rows = [
        row
        for row in stores.rows(project, logstore, since, until)
        if not topic or row.get("__topic__") == topic
    ]
    has_sql = bool(text.partition("|")[2].strip())
    found = _queried(text, rows, stores.indexes.get((project, logstore), FULL_TEXT))
    if not has_sql:
        is_newest_first = str(query.get("reverse", "")).lower() == "true"
        found = sorted(found, key=lambda row: int(row["__time__"]), reverse=is_newest_first)
        found = found[offset : offset + max(0, min(line, MAX_LINES))]
    return [{k: _text(value) for k, value in row.items()} for row in found], has_sql


def _queried(text: str, rows: list[Row], index: Index) -> list[dict[str, Any]]:
    if text.strip() in ("", "*"):
        return [dict(row) for row in rows]
    try:
        from localcloud.logs.query import QueryError, run_query
    except ImportError as error:
        raise LogError(400, "UnsupportedOperation", NEEDS_EXTRA) from error
    try:
        return run_query(text, rows, index)
    except (QueryError, SearchError) as error:
        raise LogError(400, "ParameterInvalid", str(error)) from error


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _index(body: Mapping[str, Any]) -> Index:
    """Returns the index that CreateIndex describes."""
    keys = [_key(name, key) for name, key in (body.get("keys") or {}).items()]
    return index_of({"FullTextIndex": {"Enable": "line" in body}, "KeyIndices": keys})


def _key(name: str, key: Mapping[str, Any]) -> dict[str, Any]:
    inner_keys = [_key(leaf, inner) for leaf, inner in (key.get("json_keys") or {}).items()]
    return {
        "Name": name,
        "Type": key.get("type", "text"),
        "EnableAnalytics": bool(key.get("doc_value")),
        "JsonKeyIndices": inner_keys,
    }


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(body))
    except (TypeError, ValueError) as error:
        raise LogError(400, "ParameterInvalid", "the body is no JSON object") from error
