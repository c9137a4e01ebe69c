"""Function Compute, real or local, through fc2: its errors told in sentences, and no wait for who is not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import fc2
import requests

import scalein.fc  # noqa: F401 (holds back what fc2 logs)

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


class Client(fc2.Client):  # type: ignore[misc]
    """Sends once, within a time; errors as FcError whatever their body is."""

    def _do_request(self, method: str, path: str, headers: Any, params: Any = None, body: Any = None) -> Any:
        with requests.Session() as session:
            session.trust_env = not self.endpoint.startswith("http://")  # a proxy is not asked for this machine
            answer = session.request(
                method,
                f"{self.endpoint}{path}",
                headers=headers,
                params=params,
                data=body,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
        if answer.status_code >= 300:
            told = _told(answer)
            raise fc2.FcError(
                str(told.get("ErrorMessage", "")), answer.status_code, str(told.get("ErrorCode", "Unknown")), ""
            )
        return answer


def client(endpoint: str) -> Client:
    """Of the environment's credentials. Raises ComputeError."""
    names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise ComputeError(f"no credentials: set {' and '.join(missing)}")
    if not endpoint:
        raise ComputeError("no endpoint: set SCALEIN_FC_ENDPOINT, such as 1234567890.cn-hangzhou.fc.aliyuncs.com")
    secure = "://" in endpoint or not endpoint.startswith(("127.", "localhost"))
    return Client(
        endpoint=endpoint if secure else f"http://{endpoint}",
        accessKeyID=os.environ[names[0]],
        accessKeySecret=os.environ[names[1]],
        securityToken=os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
    )


def asked(what: str, call: Callable[[], Answer]) -> Answer:
    """The answer; raises ComputeError."""
    try:
        return call()
    except fc2.FcError as error:
        raise ComputeError(_sentence(what, error)) from None
    except requests.ConnectionError:
        raise ComputeError(f"{what}: Function Compute does not answer; is SCALEIN_FC_ENDPOINT right?") from None
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
        raise ComputeError(f"{what}: Function Compute does not answer; is SCALEIN_FC_ENDPOINT right?") from None


def _sentence(what: str, error: Any) -> str:
    hint = HINTS.get(error.err_code, "")
    return f"{what}: {error.err_code} (HTTP {error.status_code}): {error.message}. {hint}".strip()


def _told(answer: requests.Response) -> dict[str, Any]:
    """An error's body, unless a proxy wrote it."""
    try:
        return dict(json.loads(answer.content))
    except (TypeError, ValueError):
        return {}
