"""A client of Function Compute 2.0, real or local, by fc2. Its errors are sentences."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click
import fc2
import requests

import scalein.cloud.function_compute  # also silences the log of fc2, which has credentials
from scalein_cli.errors import CommandError

CONNECT_SECONDS, READ_SECONDS = 5.0, 600.0
KEY_ID, KEY_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
HINTS = {
    "SignatureNotMatch": "The access key secret is wrong.",
    "AccessDenied": "The credentials lack a right: docs/security.md lists what deploying needs.",
    "InvalidAccessKeyID": "The access key does not exist.",
    "ServiceNotFound": "Create it with scalein deploy.",
    "FunctionNotFound": "Create it with scalein deploy.",
}
Result = TypeVar("Result")


class FunctionAddress(NamedTuple):
    """Where a function is in Function Compute."""

    service: str
    function: str
    qualifier: str = "LATEST"


class Client(scalein.cloud.function_compute.Client):
    """A client whose errors have the message of Function Compute, for a person."""

    successes = range(200, 300)

    def refusal(self, answer: requests.Response) -> Exception:
        error = _error_body(answer)
        message, code = str(error.get("ErrorMessage", "")), str(error.get("ErrorCode", "Unknown"))
        return fc2.FcError(message, answer.status_code, code, "")  # type: ignore[no-any-return]


def parse_address(name: str, qualifier: str = "LATEST") -> FunctionAddress:
    """The address that SERVICE/FUNCTION names. Raises click.UsageError."""
    service, _, function = name.partition("/")
    if not service or not function:
        raise click.UsageError("--function takes SERVICE/FUNCTION, such as scalein/scale-in")
    return FunctionAddress(service, function, qualifier)


def open_client(endpoint: str) -> Client:
    """A client with the credentials of the environment. Raises CommandError."""
    missing = [name for name in (KEY_ID, KEY_SECRET) if not os.environ.get(name)]
    if missing:
        raise CommandError(f"There are no credentials: set {' and '.join(missing)}.")
    if not endpoint:
        raise CommandError(
            "There is no endpoint: set SCALEIN_FC_ENDPOINT, such as "
            "1234567890.cn-hangzhou.fc.aliyuncs.com."
        )
    host = endpoint.partition("://")[2] or endpoint
    is_local = host.startswith(("127.", "localhost"))
    if endpoint.startswith("http://") and not is_local:
        raise CommandError(
            "SCALEIN_FC_ENDPOINT must be https. Plain http is only for an endpoint on this machine."
        )
    return Client(
        endpoint=f"http://{host}" if is_local else f"https://{host}",
        accessKeyID=os.environ[KEY_ID],
        accessKeySecret=os.environ[KEY_SECRET],
        securityToken=os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
        Timeout=(CONNECT_SECONDS, READ_SECONDS),
    )


def call_api(subject: str, call: Callable[[], Result]) -> Result:
    """Makes the call and returns its result. Raises CommandError, which names the subject."""
    try:
        return call()
    except fc2.FcError as error:
        raise CommandError(_sentence(subject, error)) from None
    except requests.ConnectionError:
        raise CommandError(
            f"{subject}: Function Compute does not answer. Check SCALEIN_FC_ENDPOINT."
        ) from None
    except requests.RequestException as error:
        raise CommandError(
            f"{subject}: the call failed ({type(error).__name__}). Try again."
        ) from None


def read_resource(subject: str, call: Callable[[], Any]) -> dict[str, Any] | None:
    """The resource that a get call returns, or None if it does not exist. Raises CommandError."""

    def read() -> dict[str, Any] | None:
        try:
            return dict(call().data)
        except fc2.FcError as error:
            if error.status_code == 404:
                return None
            raise

    return call_api(subject, read)


def _sentence(subject: str, error: Any) -> str:
    hint = HINTS.get(error.err_code, "")
    text = f"{subject}: {error.err_code} (HTTP {error.status_code}): {error.message}. {hint}"
    return text.strip()


def _error_body(response: requests.Response) -> dict[str, Any]:
    """The JSON of an error; empty if a proxy wrote something else."""
    try:
        return dict(json.loads(response.content))
    except (TypeError, ValueError):
        return {}
