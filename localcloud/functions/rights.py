"""Whether RAM lets a key do what it asks of Function Compute.

Judged are invocations, and what an SDK of 3.0 names in a header; 2.0's other calls name no action.
"""

from __future__ import annotations

import re

from localcloud import errors
from localcloud.authenticator import Authenticator
from localcloud.functions.model import FcError
from localcloud.functions.signatures import caller_key_id
from localcloud.wire import Incoming

SERVICE_PATH = re.compile("/[^/]+/(services/[^/]+/functions/[^/]+)")
FUNCTION_PATH = re.compile("/[^/]+/(functions/[^/]+)")


def check_rights(
    incoming: Incoming, authenticator: Authenticator, action: str, qualifier: str
) -> None:
    """Raises FcError where the session of the key has ended, or RAM forbids the call."""
    name = action or incoming.headers.get("x-acs-action", "")
    key_id, identities = caller_key_id(incoming), authenticator.identities
    headers = incoming.headers
    token = headers.get("x-acs-security-token") or headers.get("x-fc-security-token")
    try:
        identities.check_session(key_id, token, identities.now())
    except errors.ApiError as error:
        raise FcError(403, error.code, error.message) from error
    resource = _resource(incoming.path, qualifier)
    if name and not identities.permits_in_place(key_id, "fc", name, resource):
        message = f"the caller is not authorized to perform fc:{name} on '{resource}'"
        raise FcError(403, "AccessDenied", message)


def _resource(path: str, qualifier: str) -> str:
    """Returns the end of the ARN of what a path names; in 3.0 the qualifier is no part of it."""
    of_service = SERVICE_PATH.match(path)
    if of_service:
        return of_service[1]
    of_function = FUNCTION_PATH.match(path)
    if of_function:
        return f"{of_function[1]}/{qualifier}" if qualifier else of_function[1]
    return "*"
