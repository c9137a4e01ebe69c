"""Simple Log Service over HTTP (API 0.6.0), as far as aliyun-log-python-sdk writes and queries.

PutLogs, GetLogs of both forms, log stores and their indexes. A project is the first part of the
Host; projects exist, and log stores as soon as they are created or something is written to them."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud import errors
from localcloud.authenticator import Authenticator, check_time
from localcloud.clock import SystemClock
from localcloud.logs import definitions
from localcloud.logs.index import Index, index_of
from localcloud.logs.log_error import LogError
from localcloud.logs.log_group import rows_in
from localcloud.logs.lz4_block import decompress
from localcloud.logs.rows import Row
from localcloud.logs.search import SearchError
from localcloud.logs.signatures import (
    V4,
    Signed,
    has_body_of_its_hash,
    is_signed_with,
    parse_claim,
    sent_at,
)
from localcloud.logs.store import LogStores

DEFAULT_LINES, MAX_LINES, MAX_BYTES = 100, 100, 30 << 20
FULL_TEXT = index_of({"FullTextIndex": {"Enable": True}})
NEEDS_EXTRA = "queries need: pip install alibaba-localcloud[logs]"
STORE = "/{logstore}"
Act = Callable[[Request, bytes, str, str], Response]
Described = tuple[str, str, Act, str]  # path, method, act, its name in policies


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
        query = (
            definitions.json_object(body)
            if request.method == "POST"
            else dict(request.query_params)
        )
        rows, has_sql = _found(stores, query, project, logstore)
        meta = {"progress": "Complete", "count": len(rows), "hasSQL": has_sql}
        meta |= {"processedRows": len(rows), "elapsedMillisecond": 0}
        if request.method == "POST":
            return JSONResponse({"meta": meta, "data": rows})
        headers = {"x-log-progress": "Complete", "x-log-count": str(len(rows))}
        return JSONResponse(rows, headers={**headers, "x-log-has-sql": str(has_sql).lower()})

    acts: list[Described] = [
        (STORE + "/shards/lb", "POST", put_logs, "PostLogStoreLogs"),
        (STORE + "/shards/route", "POST", put_logs, "PostLogStoreLogs"),
        (STORE + "/logs", "POST", get_logs, "GetLogStoreLogs"),
        *_definition_acts(stores, get_logs),
    ]
    return [
        Route("/logstores" + path, _endpoint(act, action, authenticator), methods=[method])
        for path, method, act, action in acts
    ]


def _definition_acts(stores: LogStores, get_logs: Act) -> list[Described]:
    def get_logstore(request: Request, body: bytes, project: str, logstore: str) -> Response:
        kind = request.query_params.get("type", "")
        if kind not in ("", "log"):
            raise LogError(400, "ParameterInvalid", f"type {kind} is not supported")
        if kind:
            return get_logs(request, body, project, logstore)
        return JSONResponse(definitions.logstore_document(stores, project, logstore))

    def create_logstore(_: Request, body: bytes, project: str, __: str) -> Response:
        definitions.create_logstore(stores, project, definitions.json_object(body))
        return Response()

    def create_index(_: Request, body: bytes, project: str, logstore: str) -> Response:
        definitions.create_index(stores, project, logstore, definitions.json_object(body))
        return Response()

    def update_index(_: Request, body: bytes, project: str, logstore: str) -> Response:
        definitions.update_index(stores, project, logstore, definitions.json_object(body))
        return Response()

    def get_index(_: Request, __: bytes, project: str, logstore: str) -> Response:
        return JSONResponse(definitions.index_document(stores, project, logstore))

    return [
        ("", "POST", create_logstore, "CreateLogStore"),
        (STORE, "GET", get_logstore, "GetLogStore"),
        (STORE + "/index", "POST", create_index, "CreateIndex"),
        (STORE + "/index", "PUT", update_index, "UpdateIndex"),
        (STORE + "/index", "GET", get_index, "GetIndex"),
    ]


def _endpoint(act: Act, action: str, authenticator: Authenticator) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        body = await request.body()
        project = request.headers.get("host", "").partition(".")[0]
        try:
            key_id = _check(request, body, authenticator)
            logstore = request.path_params.get("logstore") or _name_in(body)
            resource = f"project/{project}/logstore/{logstore}"
            _check_rights(authenticator, key_id, _action(action, request), resource)
            answer = await run_in_threadpool(act, request, body, project, logstore)
        except LogError as error:
            content = {"errorCode": error.code, "errorMessage": str(error)}
            answer = JSONResponse(content, error.status)
        answer.headers["x-log-requestid"] = uuid.uuid4().hex[:24].upper()
        return answer

    return serve


def _name_in(body: bytes) -> str:
    """Returns the name of the log store that is to be created. Raises LogError."""
    return str(definitions.json_object(body).get("logstoreName", ""))


def _action(action: str, request: Request) -> str:
    """Returns the name that policies have for it. A log store's own address has its logs too."""
    is_read = action == "GetLogStore" and "type" in request.query_params
    return "GetLogStoreLogs" if is_read else action


def _check_rights(authenticator: Authenticator, key_id: str, action: str, resource: str) -> None:
    if not authenticator.identities.permits_in_place(key_id, "log", action, resource):
        message = f"denied by sts or ram, action: log:{action}, resource: {resource}"
        raise LogError(401, "Unauthorized", message)


def _check(request: Request, body: bytes, authenticator: Authenticator) -> str:
    """Checks key, time, content, token and signature; returns the key's id. Raises LogError."""
    headers = request.headers
    claim = parse_claim(headers.get("authorization", ""))
    if claim is None:
        message = (
            f"The header Authorization is LOG id:signature, or {V4} Credential=...,Signature=..."
        )
        raise LogError(400, "MissingAuthorization", message)
    identities, now = authenticator.identities, SystemClock().now()
    token = headers.get("x-acs-security-token")
    try:
        secret = authenticator.secret_of(claim.key_id)
        check_time(sent_at(claim, headers), now)
        authenticator.check_token(token, claim.key_id)
        identities.check_session(claim.key_id, token, identities.now())
    except errors.AccessKeyNotFound as error:
        raise LogError(401, "Unauthorized", "AccessKeyId not found: " + claim.key_id) from error
    except (errors.ApiError, KeyError, TypeError, ValueError) as error:
        message = f"The date or token is wrong: {error}"
        raise LogError(400, "RequestTimeTooSkewed", message) from error
    signed = Signed(request.method, request.url.path, dict(request.query_params), headers, body)
    if not has_body_of_its_hash(claim, signed):
        raise LogError(400, "InvalidContentMD5", "The body has another hash.")
    if not is_signed_with(secret, claim, signed):
        raise LogError(401, "SignatureNotMatch", f"signature {claim.signature} not match")
    return claim.key_id


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
    definitions.check_exists(stores, project, logstore)
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
