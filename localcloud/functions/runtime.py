"""The process that a function runs in, as the platform's own runtime runs it.

`instances` starts it; it is not imported. A line of JSON comes on one descriptor, a line goes back
on another; what the function prints goes to its log. It imports nothing of the local cloud: the
function finds its own packages only."""

from __future__ import annotations

import base64
import importlib
import json
import logging
import os
import sys
import time
import traceback
from types import SimpleNamespace
from typing import Any

CODE, CHANNEL_IN, CHANNEL_OUT, RUNTIME = (
    sys.argv[1],
    int(sys.argv[2]),
    int(sys.argv[3]),
    sys.argv[4],
)


def context_of(request: dict[str, Any]) -> SimpleNamespace:
    """Returns the context of an invocation (help page "Context").

    Python 3.12 has no credentials and no service: version and qualifier are the function's. Up to
    3.10 they are the service's, which has no name in Function Compute 3.0.
    """
    version = {"version_id": request["versionId"], "qualifier": request["qualifier"]}
    logs = {"log_project": "", "log_store": ""}
    context = SimpleNamespace(
        request_id=request["requestId"],
        function=SimpleNamespace(**request["function"]),
        region=request["region"],
        account_id=request["accountId"],
        logger=None,
        getLogger=logging.getLogger,
    )
    if RUNTIME == "python3.12":
        context.function = SimpleNamespace(**request["function"], **version)
        context.log_project = context.log_store = ""
        return context
    name = {} if request["generation"] == "3.0" else {"name": request["service"]}
    context.requestId = request["requestId"]
    context.credentials = SimpleNamespace(**request["credentials"])
    context.service = SimpleNamespace(**name, **logs, **version)
    context.retry_count = request["retryCount"]
    return context


class Logs(logging.Formatter):
    """Log lines as the platform writes them."""

    request_id = ""
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        moment = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        line = f"{moment}.{int(record.msecs):03}Z {self.request_id} [{record.levelname}]"
        text = f"{line} {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def entry(path: str) -> Any:
    """Returns the function that a path such as `index.handler` names. Raises Unusable."""
    module, _, name = path.rpartition(".")
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except SyntaxError as error:
        raise Unusable("UserCodeSyntaxError", f"Syntax error in module '{module}'") from error
    except ImportError as error:
        raise Unusable("ImportModuleError", f"Unable to import module '{module}'") from error
    if not hasattr(loaded, name):
        raise Unusable("HandlerNotFound", f"Handler '{name}' is missing on module '{module}'")
    return getattr(loaded, name)


class Unusable(Exception):
    """The entry point cannot be used: error type, and message."""


def body_of(response: object) -> bytes:
    if isinstance(response, bytes):
        return response
    if isinstance(response, str):
        return response.encode()
    return json.dumps(response, indent=4, sort_keys=True, default=json_value).encode()


def json_value(value: object) -> object:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    return float(value)  # type: ignore[arg-type]  # Decimal; else TypeError


def error_of(error: Exception) -> dict[str, Any]:
    if isinstance(error, Unusable):
        kind, message = error.args
        cause = error.__cause__ or error
        return {"errorMessage": message, "errorType": kind, "stackTrace": trace_of(cause)}
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": trace_of(error),
    }


def trace_of(error: BaseException) -> list[Any]:
    frames = traceback.extract_tb(error.__traceback__)
    return [
        [f'File "{f.filename}"', f"line {f.lineno}", f"in {f.name}", f.line]
        for f in frames
        if f.filename != __file__
    ]


def serve(request: dict[str, Any]) -> dict[str, Any]:
    try:
        act = entry(request["handler"])
        if request["kind"] == "invoke":
            response = act(base64.b64decode(request["event"]), context_of(request))
            return {"body": base64.b64encode(body_of(response)).decode()}
        act(context_of(request))
    except Exception as error:  # noqa: BLE001 (whatever a function raises is its answer)
        traceback.print_exc()
        return {"error": error_of(error)}
    return {"body": ""}


def main() -> None:
    sys.path[:1] = [CODE]
    os.chdir(CODE)
    handler = logging.StreamHandler(sys.stdout)
    logs = Logs()
    handler.setFormatter(logs)
    logging.getLogger().handlers = [handler]
    logging.getLogger().setLevel(logging.INFO)
    with os.fdopen(CHANNEL_IN, "r") as requests, os.fdopen(CHANNEL_OUT, "w") as responses:
        for line in requests:
            request = json.loads(line)
            os.environ.update(request["environment"])
            logs.request_id = request["requestId"]
            response = serve(request)
            sys.stdout.flush()
            sys.stderr.flush()
            responses.write(json.dumps(response) + "\n")
            responses.flush()


main()
