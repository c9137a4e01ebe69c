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
    service: str  # empty: a function of Function Compute 3.0, which has none
    function: str
    qualifier: str
    key: str

    def __repr__(self) -> str:
        return f"FunctionRef({'/'.join(filter(None, (self.service, self.function)))})"


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
    service_name, function_name = _names(environment, context)
    return FunctionRef(
        endpoint=_function_compute_url(environment, context),
        service=service_name,
        function=function_name,
        qualifier=_qualifier(context),
        key=key,
    )


def _names(environment: Mapping[str, str], context: object) -> tuple[str, str]:
    """The names of service and function: of the variable, else of the context.

    The service is empty in Function Compute 3.0: its context names none (help page "Context").
    """
    text = environment.get("SCALEIN_FC_FUNCTION", "")
    if text:
        service, separator, function = text.rpartition("/")
        is_complete = bool(service) or not separator
    else:
        service = text_of(getattr(context, "service", None), "name")
        function = text_of(getattr(context, "function", None), "name")
        is_complete = True
    names = [function, service] if service else [function]
    if not is_complete or not all(re.fullmatch(FUNCTION_NAME, name) for name in names):
        raise ConfigurationError(
            "Follow-ups need the name of this function: set SCALEIN_FC_FUNCTION to FUNCTION"
            " (Function Compute 3.0) or SERVICE/FUNCTION (2.0)."
        )
    return service, function


def _qualifier(context: object) -> str:
    """The version or alias that this invocation runs; "" if the context does not say.

    Python 3.12 has it in the function, an older runtime in the service (help page "Context").
    """
    parts = (getattr(context, part, None) for part in ("service", "function"))
    return next(filter(None, (text_of(part, "qualifier") for part in parts)), "")


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
