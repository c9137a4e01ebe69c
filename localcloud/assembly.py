"""A whole local cloud from a fleet file's document, and its reset to that document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from localcloud.authenticator import Authenticator
from localcloud.clock import Clock
from localcloud.cloud import LocalCloud
from localcloud.declared import add_declared
from localcloud.ess.model import Assumptions
from localcloud.ess.service import Service
from localcloud.fleet import (
    FleetError,
    add_faults,
    add_keys,
    add_rate_limits,
    service_of,
    services_elsewhere,
)
from localcloud.functions.instances import Account
from localcloud.functions.model import FcError
from localcloud.functions.platform import Platform
from localcloud.functions.saved_functions import restore_functions
from localcloud.functions.saved_invocations import restore_invocations
from localcloud.lag import Lag
from localcloud.plain import typed
from localcloud.queues.saved_queues import restore_queues


def build_cloud(
    document: Mapping[str, Any],
    clock: Clock,
    assumptions: Assumptions,
    key: Authenticator,
    saved: Mapping[str, Any] | None = None,
    activity_seconds: float | None = None,
) -> LocalCloud:
    """Returns a cloud as the fleet file's document describes it. Raises FleetError.

    `saved`: a document that an earlier cloud saved; it has the state, and the fleet file the keys,
    faults and limits. `activity_seconds` outranks both.
    """
    start = saved or document
    service = _service(start, clock, assumptions, activity_seconds)
    account = Account(
        *(service.region_id, key.access_key_id, key.access_key_secret, key.security_token),
        service.account_id,
    )

    elsewhere = services_elsewhere(start, service)
    platform = Platform(clock, account, service.send_message)
    cloud = LocalCloud(service, key, platform=platform, elsewhere=elsewhere)
    try:
        _begin(cloud, start)
        add_keys(document, key)
        if "savedQueues" not in (saved or {}):
            add_declared(document, cloud)
        _misbehave(cloud, document)
    except FleetError:
        platform.close()
        raise
    key.identities.now = clock.now

    def reset() -> None:
        fresh = _service(document, clock, assumptions, activity_seconds)
        others = services_elsewhere(document, fresh)
        # The same object, for a test holds it.
        vars(service).clear()
        vars(service).update(vars(fresh))
        cloud.elsewhere = others
        platform.reset()
        cloud.queues.clear()
        if cloud.triggers:
            cloud.triggers.reset()
        cloud.connect()
        _begin(cloud, document)
        add_declared(document, cloud)
        cloud.faults.clear()
        cloud.rate_limits.clear()
        cloud.lag = Lag()
        cloud.calls.clear()
        cloud.last_reply_by_read.clear()
        _misbehave(cloud, document)

    cloud.reset = reset
    return cloud


def _service(
    document: Mapping[str, Any],
    clock: Clock,
    assumptions: Assumptions,
    activity_seconds: float | None,
) -> Service:
    service = service_of(document, clock, assumptions)
    if activity_seconds is not None:
        service.assumptions = replace(service.assumptions, activity_seconds=activity_seconds)
    return service


def _begin(cloud: LocalCloud, document: Mapping[str, Any]) -> None:
    """Deploys the functions, and fills the queues, that a saved document has. Raises FleetError.

    Invocations that wait are begun once the cloud serves.
    """
    part = "functions"
    try:
        if cloud.platform:
            restore_functions(cloud.platform.registry, document.get("savedFunctions", {}))
            part = "invocations"
            if "savedInvocations" in document:
                restore_invocations(cloud.platform.queue, document["savedInvocations"])
        part = "queues"
        if "savedQueues" in document:
            restore_queues(cloud.queues, document["savedQueues"])
        part = "timers"
        if cloud.triggers:
            timers = typed(dict[str, datetime], document.get("savedTimers", {}))
            cloud.triggers.timers_due_at.update(timers)
    except (AttributeError, FcError, KeyError, TypeError, ValueError) as error:
        raise FleetError(f"the saved {part} cannot be read: {error}") from error


def _misbehave(cloud: LocalCloud, document: Mapping[str, Any]) -> None:
    """Raises FleetError."""
    try:
        add_faults(document, cloud.faults)
        add_rate_limits(document, cloud.rate_limits)
    except ValueError as error:
        raise FleetError(f"a fault or a rate limit is wrong: {error}") from error
