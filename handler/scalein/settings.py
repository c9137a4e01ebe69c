"""The settings of an invocation, from environment variables and the context.

All variables of this project start with SCALEIN_: the runtime deletes names that start with FC_.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scalein.addresses import Endpoint, ca_file_of, check_ledger_url, check_proxies, parse_endpoint
from scalein.contract import did_you_mean
from scalein.errors import ConfigurationError
from scalein.function_ref import FunctionRef, read_function_ref
from scalein.setting_values import (
    MAX_SECONDS,
    bytes_of,
    decimal,
    group_ids_of,
    one_of,
    seconds_of,
    text_of,
)

KNOWN = (
    "SCALEIN_CMS_ENDPOINT",
    "SCALEIN_CONNECT_TIMEOUT_SECONDS",
    "SCALEIN_DEADLINE_MARGIN_SECONDS",
    "SCALEIN_DRY_RUN",
    "SCALEIN_ESS_ENDPOINT",
    "SCALEIN_ESS_NETWORK",
    "SCALEIN_FAILED",
    "SCALEIN_FC_ENDPOINT",
    "SCALEIN_FC_FUNCTION",
    "SCALEIN_FOLLOW_UP_KEY",
    "SCALEIN_LEDGER",
    "SCALEIN_MAX_EVENT_BYTES",
    "SCALEIN_MAX_WAIT_SECONDS",
    "SCALEIN_POLICY",
    "SCALEIN_POLICY_FILE",
    "SCALEIN_READ_TIMEOUT_SECONDS",
    "SCALEIN_REGION_ID",
    "SCALEIN_RETRY",
    "SCALEIN_SETTLE_SECONDS",
    "SCALEIN_STOP",
)
DEFAULT_TIMEOUT_SECONDS = 60.0
RETURN_SECONDS = 0.4  # an invocation returns this long before its timeout
MIN_MARGIN_SECONDS = 0.5  # RETURN_SECONDS, and time to release the ledger's claims and leases
MIB = 1_048_576
CODE_FOLDER = Path(__file__).parent.parent  # has index.py and policy.json


class Credentials(NamedTuple):
    """An access key, with a token if it is temporary. Its text form shows nothing of it."""

    access_key_id: str
    access_key_secret: str
    security_token: str = ""

    def __repr__(self) -> str:
        return "Credentials(***)"


class Settings(NamedTuple):
    """The settings of one invocation. Their text form shows nothing: some are secret."""

    credentials: Credentials
    region_id: str
    policy_text: str  # the policy document itself; empty: read policy_file
    policy_file: str
    ess_endpoint: Endpoint | None  # None: the SDK's own for the region
    cms_endpoint: Endpoint | None  # None: the SDK's own for the region
    ess_network: str  # "public" or "vpc"
    connect_timeout_seconds: float
    read_timeout_seconds: float
    run_seconds: float  # the part of the timeout that the invocation may use
    dry_run: bool  # for all requests
    raise_retry: bool  # on status retry, so that the trigger sends the message again
    raise_failed: bool = False  # on failures, so that a destination for failures gets them
    ledger_url: str = ""  # empty: a ledger in memory
    function_ref: FunctionRef | None = None  # None: no follow-ups
    invocation_id: str = ""
    account_id: str = ""  # empty: the context does not say
    closing_seconds: float = 0.0  # after run_seconds, to record results
    settle_seconds: float = 180.0  # a call that ESS does not show for so long had no effect
    max_event_bytes: int = 4 * MIB  # a larger event is rejected before it is decoded
    max_wait_seconds: float = 5.0  # for calls that fail, where the message comes again by itself
    stopped_groups: tuple[str, ...] = ()  # no removal begins or goes on; ("all",): in any group

    def __repr__(self) -> str:
        return "Settings(***)"


def read_settings(environment: Mapping[str, str], context: object) -> Settings:
    """Returns the settings of this invocation. Credentials are read each time, for an instance of
    the function outlives them.

    Raises ConfigurationError, which names the variable and the values that it takes.
    """
    _check_names(environment)
    timeout, margin = _timeout_seconds(context), _margin_seconds_of(environment)
    if timeout <= margin:
        raise ConfigurationError(
            f"The function's timeout ({timeout:g} s) must be longer than"
            f" SCALEIN_DEADLINE_MARGIN_SECONDS ({margin:g} s)."
        )
    policy_text, policy_file = _policy(environment)
    ess_endpoint = _endpoint(environment, "SCALEIN_ESS_ENDPOINT")
    if ess_endpoint is None or ess_endpoint.secure:  # this machine is reached without a proxy
        check_proxies(environment)
    return Settings(
        credentials=_credentials(environment, context),
        region_id=_region_id(environment, context),
        policy_text=policy_text,
        policy_file=policy_file,
        ess_endpoint=ess_endpoint,
        cms_endpoint=_endpoint(environment, "SCALEIN_CMS_ENDPOINT"),
        ess_network=one_of(environment, "SCALEIN_ESS_NETWORK", ("public", "vpc")),
        connect_timeout_seconds=seconds_of(environment, "SCALEIN_CONNECT_TIMEOUT_SECONDS", 3.0),
        read_timeout_seconds=seconds_of(environment, "SCALEIN_READ_TIMEOUT_SECONDS", 10.0),
        run_seconds=timeout - margin,
        dry_run=one_of(environment, "SCALEIN_DRY_RUN", ("false", "true")) == "true",
        raise_retry=one_of(environment, "SCALEIN_RETRY", ("raise", "return")) == "raise",
        raise_failed=one_of(environment, "SCALEIN_FAILED", ("return", "raise")) == "raise",
        ledger_url=_ledger_url(environment),
        function_ref=read_function_ref(environment, context),
        invocation_id=text_of(context, "request_id"),
        account_id=text_of(context, "account_id"),
        closing_seconds=max(0.0, margin - RETURN_SECONDS),
        settle_seconds=seconds_of(environment, "SCALEIN_SETTLE_SECONDS", 180.0),
        max_event_bytes=bytes_of(environment, "SCALEIN_MAX_EVENT_BYTES", 4 * MIB, 32 * MIB),
        max_wait_seconds=seconds_of(environment, "SCALEIN_MAX_WAIT_SECONDS", 5.0),
        stopped_groups=group_ids_of(environment, "SCALEIN_STOP"),
    )


def _check_names(environment: Mapping[str, str]) -> None:
    """Raises ConfigurationError for an unknown name: its setting would silently not apply."""
    unknown = min(
        (name for name in environment if name.startswith("SCALEIN_") and name not in KNOWN),
        default="",
    )
    if unknown:
        advice = did_you_mean(unknown, KNOWN) or f" Known settings: {', '.join(KNOWN)}."
        raise ConfigurationError(f"Unknown setting {unknown}.{advice}")


def _margin_seconds_of(environment: Mapping[str, str]) -> float:
    margin = seconds_of(environment, "SCALEIN_DEADLINE_MARGIN_SECONDS", 1.0)
    if margin < MIN_MARGIN_SECONDS:
        raise ConfigurationError(
            f"SCALEIN_DEADLINE_MARGIN_SECONDS must be at least {MIN_MARGIN_SECONDS} s,"
            " so that an invocation returns before its timeout."
        )
    return margin


def _endpoint(environment: Mapping[str, str], name: str) -> Endpoint | None:
    return parse_endpoint(name, environment.get(name, ""))


def _ledger_url(environment: Mapping[str, str]) -> str:
    url = environment.get("SCALEIN_LEDGER", "")
    if not url:
        return ""
    check_ledger_url("SCALEIN_LEDGER", url)
    ca_file = ca_file_of(url)
    if ca_file and not Path(ca_file).is_file():
        raise ConfigurationError(
            "SCALEIN_LEDGER names a file of certificates (ssl_ca_certs) that does not exist."
            " Put the file into the package, or correct the path."
        )
    return url


def _credentials(environment: Mapping[str, str], context: object) -> Credentials:
    """Credentials of the context (Python 3.9, 3.10), else the environment (3.12); never mixed."""
    of_context = getattr(context, "credentials", None)
    if getattr(of_context, "access_key_id", None):
        return Credentials(*(text_of(of_context, field) for field in Credentials._fields))
    credentials = Credentials(
        environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
        environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
        environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
    )
    if not (credentials.access_key_id and credentials.access_key_secret):
        raise ConfigurationError(
            "No credentials. Give the function a RAM role, or set ALIBABA_CLOUD_ACCESS_KEY_ID and"
            " ALIBABA_CLOUD_ACCESS_KEY_SECRET."
        )
    return credentials


def _region_id(environment: Mapping[str, str], context: object) -> str:
    region_id = environment.get("SCALEIN_REGION_ID") or text_of(context, "region")
    if not re.fullmatch(r"[a-z0-9-]+", region_id):
        raise ConfigurationError(
            "No region. Set SCALEIN_REGION_ID to the scaling group's region, such as cn-hangzhou."
        )
    return region_id


def _policy(environment: Mapping[str, str]) -> tuple[str, str]:
    """The text of the policy, and the file to read if that text is empty."""
    text, file = environment.get("SCALEIN_POLICY", ""), environment.get("SCALEIN_POLICY_FILE", "")
    if text and file:
        raise ConfigurationError(
            "SCALEIN_POLICY and SCALEIN_POLICY_FILE are both set. Set only one of them."
        )
    return text, str(CODE_FOLDER / (file or "policy.json"))


def _timeout_seconds(context: object) -> float:
    """The timeout of the function: context.function.timeout, which is text in some runtimes."""
    value: Any = getattr(getattr(context, "function", None), "timeout", None)
    if value is None:
        return DEFAULT_TIMEOUT_SECONDS
    seconds = decimal(str(value))
    if not 0 < seconds <= MAX_SECONDS:
        raise ConfigurationError(
            "The function's timeout (context.function.timeout) must be a number of seconds above 0,"
            f" up to {MAX_SECONDS}. Correct it in Function Compute."
        )
    return seconds
