"""Whether a RAM policy permits a call, as Resource Access Management would judge it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.wire import Params

CLOUD_MONITOR_VERSION = "2019-01-01"


@dataclass
class RolePolicy:
    """The statements of a role's policies, in one account and region. What no statement allows is
    forbidden, and a Deny outranks every Allow.
    """

    statements: Iterable[Mapping[str, Any]]
    account_id: str = "1234567890"
    region_id: str = "cn-hangzhou"

    def permits(self, params: Params) -> bool:
        """Whether the call's action is allowed on the scaling group that it changes; a call that
        reads is judged by its action alone, on every resource.
        """
        product = "cms" if params.get("Version") == CLOUD_MONITOR_VERSION else "ess"
        name = params.get("Action", "")
        action = f"{product}:{name}"
        group_id = "*" if name.startswith("Describe") else params.get("ScalingGroupId", "")
        place = f"{self.region_id}:{self.account_id}"
        resource = "*" if group_id == "*" else f"acs:ess:{place}:scalinggroup/{group_id}"
        effects = {
            statement["Effect"]
            for statement in self.statements
            if _has(statement["Action"], action) and _has(statement["Resource"], resource)
        }
        return effects == {"Allow"}


def _has(patterns: str | list[str], text: str) -> bool:
    """Whether a pattern matches the text, where * stands for any characters."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(re.fullmatch(re.escape(p).replace(r"\*", ".*"), text) for p in listed)
