"""Function Compute, real or local, through fc2: its errors told in sentences, and no wait for who is not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import fc2
import requests

import scalein.cloud.function_compute  # which holds back what fc2 logs, too

CONNECT_SECONDS, READ_SECONDS = 5.0, 600.0
HINTS = {
    "SignatureNotMatch": "The access key secret is wrong.",
    "AccessDenied": "The credentials lack a right: docs/security.md lists what deploying needs.",
    "InvalidAccessKeyID": "The access key does not exist.",
    "ServiceNotFound": "scalein deploy makes it.",
    "FunctionNotFound": "scalein deploy makes it.",
}
Answer = TypeVar("Answer")


class ComputeError(Exception):
    """Function Compute said no, or nothing; the text says what to do."""


class Place(NamedTuple):
    service: str
    function: str
    qualifier: str = "LATEST"


class Client(scalein.cloud.function_compute.Client):
    """With the text of a refusal, for a person."""

    successes = range(200, 300)

    def refusal(self, answer: requests.Response) -> Exception:
        told = _told(answer)
        message, code = str(told.get("ErrorMessage", "")), str(told.get("ErrorCode", "Unknown"))
        return fc2.FcError(message, answer.status_code, code, "")  # type: ignore[no-any-return]


def client(endpoint: str) -> Client:
    """Of the environment's credentials. Raises ComputeError."""
    names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise ComputeError(f"no credentials: set {' and '.join(missing)}")
    if not endpoint:
        raise ComputeError(
            "no endpoint: set SCALEIN_FC_ENDPOINT, such as 1234567890.cn-hangzhou.fc.aliyuncs.com"
        )
    host = endpoint.partition("://")[2] or endpoint
    here = host.startswith(("127.", "localhost"))
    if endpoint.startswith("http://") and not here:
        raise ComputeError("SCALEIN_FC_ENDPOINT must be https: plain http is for this machine only")
    return Client(
        endpoint=f"http://{host}" if here else f"https://{host}",
        accessKeyID=os.environ[names[0]],
        accessKeySecret=os.environ[names[1]],
        securityToken=os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
        Timeout=(CONNECT_SECONDS, READ_SECONDS),
    )


def asked(what: str, call: Callable[[], Answer]) -> Answer:
    """The answer; raises ComputeError."""
    try:
        return call()
    except fc2.FcError as error:
        raise ComputeError(_sentence(what, error)) from None
    except requests.ConnectionError:
        raise ComputeError(
            f"{what}: Function Compute does not answer; is SCALEIN_FC_ENDPOINT right?"
        ) from None
    except requests.RequestException as error:
        raise ComputeError(f"{what}: {type(error).__name__}") from None


def there(what: str, call: Callable[[], Any]) -> dict[str, Any] | None:
    """What a get answers; None where it is not there. Raises ComputeError."""
    try:
        return dict(call().data)
    except fc2.FcError as error:
        if error.status_code == 404:
            return None
        raise ComputeError(_sentence(what, error)) from None
    except requests.ConnectionError:
        raise ComputeError(
            f"{what}: Function Compute does not answer; is SCALEIN_FC_ENDPOINT right?"
        ) from None


def _sentence(what: str, error: Any) -> str:
    hint = HINTS.get(error.err_code, "")
    return f"{what}: {error.err_code} (HTTP {error.status_code}): {error.message}. {hint}".strip()


def _told(answer: requests.Response) -> dict[str, Any]:
    """An error's body, unless a proxy wrote it."""
    try:
        return dict(json.loads(answer.content))
    except (TypeError, ValueError):
        return {}
