"""How Function Compute can call this function again: its names, its address, the follow-up key."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from scalein.addresses import parse_endpoint
from scalein.errors import ConfigurationError
from scalein.setting_values import text_of

MIN_KEY_LENGTH = 32
FUNCTION_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,127}"


class FunctionRef(NamedTuple):
    """This function, as Function Compute can call it again, and the key that signs follow-ups."""

    endpoint: str  # URL of Function Compute
    service: str
    function: str
    qualifier: str
    key: str

    def __repr__(self) -> str:
        return f"FunctionRef({self.service}/{self.function})"


def read_function_ref(environment: Mapping[str, str], context: object) -> FunctionRef | None:
    """This function, for follow-ups; None, which turns them off, if there is no key for them.

    Raises ConfigurationError.
    """
    key = environment.get("SCALEIN_FOLLOW_UP_KEY", "")
    if not key:
        return None
    if len(key) < MIN_KEY_LENGTH:
        raise ConfigurationError(
            f"SCALEIN_FOLLOW_UP_KEY must have at least {MIN_KEY_LENGTH} random characters."
        )
    service_name, function_name = _function_name(environment, context)
    return FunctionRef(
        endpoint=_function_compute_url(environment, context),
        service=service_name,
        function=function_name,
        qualifier=text_of(getattr(context, "service", None), "qualifier"),
        key=key,
    )


def _function_name(environment: Mapping[str, str], context: object) -> list[str]:
    """The names of service and function: of the variable, else of the context."""
    names = environment.get("SCALEIN_FC_FUNCTION", "").split("/")
    if names == [""]:
        parts = (getattr(context, part, None) for part in ("service", "function"))
        names = [text_of(part, "name") for part in parts]
    if len(names) != 2 or not all(re.fullmatch(FUNCTION_NAME, name) for name in names):
        raise ConfigurationError(
            "Follow-ups need the name of the function: set SCALEIN_FC_FUNCTION to SERVICE/FUNCTION"
            " (Function Compute 2.0)."
        )
    return names


def _function_compute_url(environment: Mapping[str, str], context: object) -> str:
    """The URL of Function Compute. It is plain http only on this machine."""
    endpoint = parse_endpoint("SCALEIN_FC_ENDPOINT", environment.get("SCALEIN_FC_ENDPOINT", ""))
    if endpoint is not None:
        return f"{'https' if endpoint.secure else 'http'}://{endpoint.host}"
    account, region = text_of(context, "account_id"), text_of(context, "region")
    if not re.fullmatch(r"[0-9]+", account) or not re.fullmatch(r"[a-z0-9-]+", region):
        raise ConfigurationError(
            "Follow-ups need the address of Function Compute: set SCALEIN_FC_ENDPOINT to"
            " ACCOUNT.REGION.fc.aliyuncs.com or ACCOUNT.REGION-internal.fc.aliyuncs.com."
        )
    return f"https://{account}.{region}-internal.fc.aliyuncs.com"
