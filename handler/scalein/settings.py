"""The only module that knows environment variable names.

All of ours start with SCALEIN_: the runtime deletes what starts with FC_ before the handler sees it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scalein.addresses import Endpoint, LedgerSource, parse_endpoint, parse_ledger
from scalein.errors import ConfigurationError

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
    "SCALEIN_POLICY",
    "SCALEIN_POLICY_FILE",
    "SCALEIN_READ_TIMEOUT_SECONDS",
    "SCALEIN_REGION_ID",
    "SCALEIN_RETRY",
    "SCALEIN_SETTLE_SECONDS",
)
DEFAULT_TIMEOUT_SECONDS = 60.0
MAX_TIMEOUT_SECONDS = 86_400
MIN_KEY_LENGTH = 32
RETURN_SECONDS = 0.4  # before its timeout, an invocation has returned
MIN_MARGIN_SECONDS = 0.5  # the same, and time to release what the ledger gave
MIB = 1_048_576
CODE_FOLDER = Path(__file__).parent.parent  # where index.py is


class Credentials(NamedTuple):
    """An access key, with a token where it is temporary. Its text form shows none of it."""

    access_key_id: str
    access_key_secret: str
    security_token: str = ""

    def __repr__(self) -> str:
        return "Credentials(***)"


class PolicySource(NamedTuple):
    """Where the policy document is: inline text, else a file."""

    text: str
    file: str

    @property
    def name(self) -> str:
        return "SCALEIN_POLICY" if self.text else f"policy {self.file}"


class FunctionRef(NamedTuple):
    """This function, as Function Compute can call it again; and the key that seals what it then gets."""

    endpoint: str  # URL of Function Compute
    service: str
    function: str
    qualifier: str
    key: str

    def __repr__(self) -> str:
        return f"Caller({self.service}/{self.function})"


class Settings(NamedTuple):
    credentials: Credentials
    region_id: str
    policy: PolicySource
    ess_endpoint: Endpoint | None  # None: the SDK's own for the region
    cms_endpoint: Endpoint | None  # as above
    ess_network: str  # "public" or "vpc"
    connect_timeout_seconds: float
    read_timeout_seconds: float
    run_seconds: float  # what the invocation may use of its time
    dry_run: bool  # whatever a request says
    raise_retry: bool  # so that the trigger sends the message again
    raise_failed: bool = False  # so that a destination for failures sees it
    ledger: LedgerSource = LedgerSource("")
    function_ref: FunctionRef | None = None  # None: there are no follow-ups
    invocation_id: str = ""
    closing_seconds: float = 0.0  # after run_seconds, to write down what is done
    settle_seconds: float = 180.0  # after it, what ESS does not show did not happen
    max_event_bytes: int = 4 * MIB  # a larger event is rejected before it is decoded


def read_settings(environment: Mapping[str, str], context: object) -> Settings:
    """Settings of this invocation; credentials are read afresh, for instances outlive tokens.

    Raises ConfigurationError, naming the variable and what it takes.
    """
    _refuse_unknown(environment)
    timeout = _timeout_seconds(context)
    margin = _seconds(environment, "SCALEIN_DEADLINE_MARGIN_SECONDS", 1.0)
    if margin < MIN_MARGIN_SECONDS:
        raise ConfigurationError(
            f"SCALEIN_DEADLINE_MARGIN_SECONDS must be at least {MIN_MARGIN_SECONDS} s, "
            "so that an invocation returns before its timeout"
        )
    if timeout <= margin:
        raise ConfigurationError(
            f"the function's timeout ({timeout:g} s) must be longer than SCALEIN_DEADLINE_MARGIN_SECONDS ({margin:g} s)"
        )
    return Settings(
        credentials=_credentials(environment, context),
        region_id=_region_id(environment, context),
        policy=_policy(environment),
        ess_endpoint=parse_endpoint(
            "SCALEIN_ESS_ENDPOINT", environment.get("SCALEIN_ESS_ENDPOINT", "")
        ),
        cms_endpoint=parse_endpoint(
            "SCALEIN_CMS_ENDPOINT", environment.get("SCALEIN_CMS_ENDPOINT", "")
        ),
        ess_network=_one_of(environment, "SCALEIN_ESS_NETWORK", ("public", "vpc")),
        connect_timeout_seconds=_seconds(environment, "SCALEIN_CONNECT_TIMEOUT_SECONDS", 3.0),
        read_timeout_seconds=_seconds(environment, "SCALEIN_READ_TIMEOUT_SECONDS", 10.0),
        run_seconds=timeout - margin,
        dry_run=_one_of(environment, "SCALEIN_DRY_RUN", ("false", "true")) == "true",
        raise_retry=_one_of(environment, "SCALEIN_RETRY", ("raise", "return")) == "raise",
        raise_failed=_one_of(environment, "SCALEIN_FAILED", ("return", "raise")) == "raise",
        ledger=_ledger(environment),
        function_ref=_caller(environment, context),
        invocation_id=str(getattr(context, "request_id", "") or ""),
        closing_seconds=max(0.0, margin - RETURN_SECONDS),
        settle_seconds=_seconds(environment, "SCALEIN_SETTLE_SECONDS", 180.0),
        max_event_bytes=_bytes(environment, "SCALEIN_MAX_EVENT_BYTES", 4 * MIB, 32 * MIB),
    )


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A misspelt name would otherwise be a setting that silently does not hold."""
    unknown = min(
        (name for name in environment if name.startswith("SCALEIN_") and name not in KNOWN),
        default="",
    )
    if not unknown:
        return
    from difflib import get_close_matches  # only to explain a wrong deployment

    nearest = get_close_matches(unknown, KNOWN, 1)
    advice = f"Did you mean {nearest[0]}?" if nearest else f"Known are: {', '.join(KNOWN)}"
    raise ConfigurationError(f"Unknown setting {unknown}. {advice}")


def _ledger(environment: Mapping[str, str]) -> LedgerSource:
    source = parse_ledger("SCALEIN_LEDGER", environment.get("SCALEIN_LEDGER", ""))
    if source.ca_file and not Path(source.ca_file).is_file():
        raise ConfigurationError(
            "SCALEIN_LEDGER names a file of certificates (ssl_ca_certs) that is not there"
        )
    return source


def _caller(environment: Mapping[str, str], context: object) -> FunctionRef | None:
    """Follow-ups are on where there is a key for them."""
    key = environment.get("SCALEIN_FOLLOW_UP_KEY", "")
    if not key:
        return None
    if len(key) < MIN_KEY_LENGTH:
        raise ConfigurationError(
            f"SCALEIN_FOLLOW_UP_KEY must have at least {MIN_KEY_LENGTH} random characters"
        )
    function, service = getattr(context, "function", None), getattr(context, "service", None)
    named = environment.get("SCALEIN_FC_FUNCTION", "").split("/")
    if named == [""]:
        named = [str(getattr(service, "name", "") or ""), str(getattr(function, "name", "") or "")]
    if len(named) != 2 or not all(
        re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", name) for name in named
    ):
        raise ConfigurationError(
            "follow-ups need to know the function: set SCALEIN_FC_FUNCTION to SERVICE/FUNCTION (Function Compute 2.0)"
        )
    return FunctionRef(
        _function_compute(environment, context),
        named[0],
        named[1],
        str(getattr(service, "qualifier", "") or ""),
        key,
    )


def _function_compute(environment: Mapping[str, str], context: object) -> str:
    """URL of Function Compute: plain http only ever to this machine."""
    endpoint = parse_endpoint("SCALEIN_FC_ENDPOINT", environment.get("SCALEIN_FC_ENDPOINT", ""))
    if endpoint is not None:
        return f"{'https' if endpoint.secure else 'http'}://{endpoint.host}"
    account, region = (
        str(getattr(context, "account_id", "") or ""),
        str(getattr(context, "region", "") or ""),
    )
    if not re.fullmatch(r"[0-9]+", account) or not re.fullmatch(r"[a-z0-9-]+", region):
        raise ConfigurationError(
            "follow-ups need SCALEIN_FC_ENDPOINT: ACCOUNT.REGION.fc.aliyuncs.com, or -internal"
        )
    return f"https://{account}.{region}-internal.fc.aliyuncs.com"


def _credentials(environment: Mapping[str, str], context: object) -> Credentials:
    """Of the context where it has them (3.9, 3.10), else of the environment (3.12). Never mixed."""
    of_context = getattr(context, "credentials", None)
    if getattr(of_context, "access_key_id", None):
        return Credentials(
            str(getattr(of_context, "access_key_id", "")),
            str(getattr(of_context, "access_key_secret", "")),
            str(getattr(of_context, "security_token", "") or ""),
        )
    found = Credentials(
        environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
        environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
        environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
    )
    if not (found.access_key_id and found.access_key_secret):
        raise ConfigurationError(
            "no credentials: give the function a RAM role, or set ALIBABA_CLOUD_ACCESS_KEY_ID and "
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
        )
    return found


def _region_id(environment: Mapping[str, str], context: object) -> str:
    region_id = environment.get("SCALEIN_REGION_ID") or str(getattr(context, "region", "") or "")
    if not re.fullmatch(r"[a-z0-9-]+", region_id):
        raise ConfigurationError(
            "no region: set SCALEIN_REGION_ID to the scaling group's region, such as cn-hangzhou"
        )
    return region_id


def _policy(environment: Mapping[str, str]) -> PolicySource:
    text, file = environment.get("SCALEIN_POLICY", ""), environment.get("SCALEIN_POLICY_FILE", "")
    if text and file:
        raise ConfigurationError(
            "SCALEIN_POLICY and SCALEIN_POLICY_FILE are both set; one policy must hold"
        )
    return PolicySource(text, str(CODE_FOLDER / (file or "policy.json")))


def _timeout_seconds(context: object) -> float:
    """Of context.function.timeout, which is text or a number, depending on the runtime."""
    value: Any = getattr(getattr(context, "function", None), "timeout", None)
    if value is None:
        return DEFAULT_TIMEOUT_SECONDS
    seconds = _number(str(value))
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise ConfigurationError(
            f"context.function.timeout is not a number of seconds up to {MAX_TIMEOUT_SECONDS}"
        )
    return seconds


def _one_of(environment: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """One of `values`; the first is the default."""
    value = environment.get(name, "").strip().lower() or values[0]
    if value not in values:
        raise ConfigurationError(f"{name} must be one of: {', '.join(values)}")
    return value


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    seconds = _number(text) if text else default
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise ConfigurationError(
            f"{name} must be a number of seconds above 0, up to {MAX_TIMEOUT_SECONDS}"
        )
    return seconds


def _bytes(environment: Mapping[str, str], name: str, default: int, maximum: int) -> int:
    text = environment.get(name, "") or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 0 < int(text) <= maximum:
        raise ConfigurationError(f"{name} must be a whole number of bytes from 1 to {maximum}")
    return int(text)


def _number(text: str) -> float:
    """Of decimal notation alone; else 0, which no setting takes."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else 0.0
