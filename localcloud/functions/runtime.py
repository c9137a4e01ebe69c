"""The process that a function runs in, as the platform's own runtime runs it. Started by `instances`; not imported.

A line of JSON comes on one descriptor, a line goes back on another; what the function prints goes to its log. Nothing
of the local cloud is imported here: the function sees its own packages only.
"""

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

CODE, CHANNEL_IN, CHANNEL_OUT, RUNTIME = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def context_of(ask: dict[str, Any]) -> SimpleNamespace:
    """Up to Python 3.10 with credentials and service; 3.12 has neither."""
    function = SimpleNamespace(**ask["function"])
    context = SimpleNamespace(
        request_id=ask["requestId"],
        function=function,
        region=ask["region"],
        account_id=ask["accountId"],
        logger=None,
        getLogger=logging.getLogger,
    )
    if RUNTIME == "python3.12":
        context.log_project = context.log_store = ""
        return context
    context.requestId = ask["requestId"]
    context.credentials = SimpleNamespace(**ask["credentials"])
    context.service = SimpleNamespace(**ask["service"])
    context.retry_count = ask["retryCount"]
    return context


class Logs(logging.Formatter):
    request_id = ""
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        moment = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        text = f"{moment}.{int(record.msecs):03}Z {self.request_id} [{record.levelname}] {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def entry(path: str) -> Any:
    """`index.handler`."""
    module, _, name = path.rpartition(".")
    try:
        found = importlib.import_module(module.replace("/", "."))
    except SyntaxError as error:
        raise Unusable("UserCodeSyntaxError", f"Syntax error in module '{module}'") from error
    except ImportError as error:
        raise Unusable("ImportModuleError", f"Unable to import module '{module}'") from error
    if not hasattr(found, name):
        raise Unusable("HandlerNotFound", f"Handler '{name}' is missing on module '{module}'")
    return getattr(found, name)


class Unusable(Exception):
    pass


def body_of(answer: object) -> bytes:
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, str):
        return answer.encode()
    return json.dumps(answer, indent=4, sort_keys=True, default=told).encode()


def told(value: object) -> object:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    return float(value)  # type: ignore[arg-type]  # Decimal; whatever is no number is a TypeError


def error_of(error: Exception) -> dict[str, Any]:
    if isinstance(error, Unusable):
        kind, message = error.args
        cause = error.__cause__ or error
        return {"errorMessage": message, "errorType": kind, "stackTrace": trace_of(cause)}
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace_of(error)}


def trace_of(error: BaseException) -> list[Any]:
    frames = traceback.extract_tb(error.__traceback__)
    return [
        [f'File "{f.filename}"', f"line {f.lineno}", f"in {f.name}", f.line] for f in frames if f.filename != __file__
    ]


def served(ask: dict[str, Any]) -> dict[str, Any]:
    try:
        act = entry(ask["handler"])
        if ask["kind"] == "invoke":
            answer = act(base64.b64decode(ask["event"]), context_of(ask))
            return {"body": base64.b64encode(body_of(answer)).decode()}
        act(context_of(ask))
    except Exception as error:  # noqa: BLE001 (whatever a function raises is told, and no more)
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
    with os.fdopen(CHANNEL_IN, "r") as asks, os.fdopen(CHANNEL_OUT, "w") as answers:
        for line in asks:
            ask = json.loads(line)
            os.environ.update(ask["environment"])
            logs.request_id = ask["requestId"]
            answer = served(ask)
            sys.stdout.flush()
            sys.stderr.flush()
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


main()
