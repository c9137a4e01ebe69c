"""Opens Function Compute, real or local, of either generation. Its errors are sentences."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import click

from scalein_cli.cloud_access import KEY_ID, KEY_SECRET, TOKEN, find_credentials
from scalein_cli.errors import CommandError
from scalein_cli.function_api import (
    LATEST,
    ApiError,
    FunctionAddress,
    FunctionApi,
    FunctionState,
    NoAnswer,
)
from scalein_cli.verification import check_trust_store

CONNECT_SECONDS, READ_SECONDS = 5.0, 600.0
BRIEF_READ_SECONDS = 30.0  # of a command that must not wait
ENDPOINT = "SCALEIN_FC_ENDPOINT"
CREATE = "Create it with template.yml or scalein deploy, or correct --function."
WRONG_KEY = "The access key secret is wrong."
HINTS = {
    "SignatureNotMatch": WRONG_KEY,
    "SignatureDoesNotMatch": WRONG_KEY,
    "AccessDenied": "The credentials lack a right: docs/security.md lists what deploying needs.",
    "InvalidAccessKeyID": "The access key does not exist.",
    "InvalidAccessKeyId.NotFound": "The access key does not exist.",
    "ServiceNotFound": CREATE,
    "FunctionNotFound": CREATE,
    "ResourceExhausted": "Other invocations run: try again in a minute.",
    "ResourceThrottled": "Try again in a minute.",
}
Result = TypeVar("Result")


class Connection(NamedTuple):
    """Where Function Compute is, and the credentials. Its text form shows nothing of them."""

    host: str
    secure: bool  # False only for this machine: plain HTTP
    access_key_id: str
    access_key_secret: str
    security_token: str
    read_seconds: float = READ_SECONDS

    def __repr__(self) -> str:
        return f"Connection({self.host})"


def parse_address(name: str, qualifier: str = LATEST) -> FunctionAddress:
    """The address that FUNCTION (3.0) or SERVICE/FUNCTION (2.0) names. Raises click.UsageError."""
    service, slash, function = name.rpartition("/")
    if not function or (slash and not service) or "/" in service:
        raise click.UsageError(
            "--function takes FUNCTION, such as scale-in, or for Function Compute 2.0 "
            "SERVICE/FUNCTION, such as scalein/scale-in"
        )
    return FunctionAddress(service, function, qualifier)


def open_function(
    name: str, endpoint: str, qualifier: str = LATEST, read_seconds: float = READ_SECONDS
) -> FunctionApi:
    """The function of that name in Function Compute, with the credentials of the
    environment, else as `aliyun` finds them.

    Raises CommandError, click.UsageError.
    """
    address = parse_address(name, qualifier)
    connection = _connection(endpoint)._replace(read_seconds=read_seconds)
    if address.service:
        from scalein_cli.compute_2 import Services

        return Services(connection, address)
    from scalein_cli.compute_3 import Functions

    return Functions(connection, address)


def call_api(subject: str, call: Callable[[], Result]) -> Result:
    """Makes the call and returns its result. Raises CommandError, which names the subject."""
    try:
        return call()
    except ApiError as error:
        hint = HINTS.get(error.code, "")
        text = f"{subject}: {error.code} (HTTP {error.status}): {error}. {hint}"
        raise CommandError(text.replace("..", ".").strip()) from None
    except NoAnswer as error:
        raise CommandError(
            f"{subject}: Function Compute does not answer ({error}). Check the network, "
            "HTTPS_PROXY, and SCALEIN_FC_ENDPOINT or --endpoint."
        ) from None


def read_function(function: FunctionApi, qualifier: str = LATEST) -> FunctionState:
    """The function in a version or alias. Raises CommandError if it does not exist."""
    subject = f"function {function.address}"
    state = call_api(subject, lambda: function.read(qualifier))
    if state is None:
        where = "" if qualifier == LATEST else f" in {qualifier}"
        raise CommandError(f"{subject} does not exist{where}. {CREATE}")
    return state


def _connection(endpoint: str) -> Connection:
    """Raises CommandError."""
    find_credentials()
    if not endpoint:
        raise CommandError(
            "There is no endpoint: set SCALEIN_FC_ENDPOINT, or give --endpoint, such as "
            "1234567890.cn-hangzhou.fc.aliyuncs.com."
        )
    host = (endpoint.partition("://")[2] or endpoint).rstrip("/")
    is_local = host.startswith(("127.", "localhost", "[::1]"))
    if endpoint.startswith("http://") and not is_local:
        raise CommandError(
            "SCALEIN_FC_ENDPOINT must be https. Plain http is only for an endpoint on this machine."
        )
    secure = not is_local or endpoint.startswith("https://")
    if secure:
        check_trust_store()
    return Connection(
        host,
        secure,
        os.environ[KEY_ID],
        os.environ[KEY_SECRET],
        os.environ.get(TOKEN, ""),
    )
