"""What a deployed function is given: credentials, settings, a context, variables, and a policy."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from scalein.addresses import Endpoint
from scalein.settings import Credentials, Settings

KEY = Credentials("test-key", "test-secret")
KEY_VARIABLES = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
}
POLICY = '{"groups": {"asg-1": {}}}'
FOLLOW_UP_KEY = "a key for tests that is long enough"


def settings_of(endpoint: Endpoint | str | None, **fields: Any) -> Settings:
    """Settings with memorable defaults. A text is the host and port of ESS and CloudMonitor alike,
    reached without TLS.
    """
    at = Endpoint(endpoint, secure=False) if isinstance(endpoint, str) else endpoint
    known = Settings(
        credentials=KEY,
        region_id="cn-hangzhou",
        policy_text=POLICY,
        policy_file="",
        ess_endpoint=at,
        cms_endpoint=at,
        ess_network="public",
        connect_timeout_seconds=2.0,
        read_timeout_seconds=2.0,
        run_seconds=30.0,
        dry_run=False,
        raise_retry=True,
    )
    return known._replace(**fields)


def context(*, timeout: object = "60", **fields: Any) -> SimpleNamespace:
    """The context of an invocation, as Function Compute 2.0 gives it with no credentials in it."""
    known = {
        "request_id": "fc-1",
        "region": "cn-hangzhou",
        "account_id": "1",
        "function": SimpleNamespace(name="scale-in", timeout=timeout),
        "service": SimpleNamespace(name="ops", qualifier="LATEST"),
    }
    return SimpleNamespace(**{**known, **fields})


def native_context(runtime: str, *, timeout: object = 60, **fields: Any) -> SimpleNamespace:
    """The context of an invocation, as Function Compute 3.0 gives it: no service has a name."""
    version = {"qualifier": "LATEST", "version_id": ""}
    function: dict[str, Any] = {"name": "scale-in", "timeout": timeout}
    known: dict[str, Any] = {"request_id": "fc-1", "region": "cn-hangzhou", "account_id": "1"}
    if runtime == "python3.12":
        known["function"] = SimpleNamespace(**function, **version)
    else:
        known["function"] = SimpleNamespace(**function)
        known["service"] = SimpleNamespace(**version)
        known["credentials"] = SimpleNamespace(**KEY._asdict())
    return SimpleNamespace(**{**known, **fields})


def variables_of(endpoint: str, **variables: str) -> dict[str, str]:
    """The environment of a function whose cloud is at an endpoint."""
    known = {f"SCALEIN_{name}_ENDPOINT": endpoint for name in ("ESS", "CMS", "FC")}
    return {**known, "SCALEIN_POLICY": POLICY, **KEY_VARIABLES, **variables}


FULL_GROUP_POLICY: Mapping[str, Any] = {  # every guardrail that a group can have
    "floor": 3,
    "maxRemovedPerEvent": 5,
    "maxRemovedPercentPerEvent": 12.5,
    "budget": {"percent": 20, "windowSeconds": 3600},
    "cooldownSeconds": 600,
    "cooldownAfterScaleOutSeconds": 700,
    "cooldownAfterFailureSeconds": 80,
    "order": ["NewestInstance"],
    "minimumAgeSeconds": 60,
    "removeProtected": True,
    "removeStandby": True,
    "removePolicy": "recycle",
    "stopInstanceTimeout": 60,
    "keepDesiredCapacity": True,
    "healthyQuorumPercent": 75,
    "paused": {"until": "2026-12-01T00:00:00Z", "reason": "sale"},
    "windows": {
        "timeZone": "Asia/Shanghai",
        "allow": ["* 0-6 * * *"],
        "forbid": ["* * 24 12 *"],
    },
    "dryRun": True,
}
