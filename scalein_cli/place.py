"""Where a command reads: the real Auto Scaling, or a local one with a fleet; and the policy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from scalein.clock import Deadline, SystemClock
from scalein.cloud.gateway import Gateway
from scalein.errors import ConfigurationError
from scalein.policy import Policy
from scalein.policy_source import policy_in_use
from scalein.settings import Settings, read_settings
from scalein_cli.cloud_access import find_credentials, reading_gateway
from scalein_cli.errors import CommandError
from scalein_cli.local import EXAMPLE_POLICY, SMALL_FLEET, context, environment, local_cloud
from scalein_cli.show import relative_path

READ_SECONDS = 60  # for each group
NO_POLICY = '{"groups": {"none": {}}}'  # for commands that need none


class Place(NamedTuple):
    """What is read from: settings, the policy, and ESS."""

    settings: Settings
    policy: Policy
    fingerprint: str  # of the policy
    name: str  # as the output names it
    has_policy: bool

    def open_gateway(self) -> Gateway:
        """ESS, for the reads of one group."""
        return reading_gateway(self.settings, Deadline.after(READ_SECONDS, SystemClock()))


@contextmanager
def open_place(
    policy: Path | None,
    fleet: Path | None = None,
    is_small_fleet: bool = False,
    without_policy: str = "",
    stop_switch: str | None = None,
) -> Iterator[Place]:
    """Opens the place that the options name; a local cloud runs within the block.

    `without_policy`: the policy where none is named; without this, one must be.
    `stop_switch`: SCALEIN_STOP of the deployed function, if it is known. Raises CommandError.
    """
    if is_small_fleet:
        fleet, policy = fleet or SMALL_FLEET, policy or EXAMPLE_POLICY
    with _readable():
        if fleet is None:
            find_credentials()
            variables, nothing = dict(os.environ), {"regionId": ""}
            yield _place(variables, nothing, policy, fleet, without_policy, stop_switch)
            return
        with local_cloud(fleet) as ready:
            variables = {**os.environ, **environment(ready), "SCALEIN_POLICY_FILE": ""}
            yield _place(variables, ready, policy, fleet, without_policy, stop_switch)


@contextmanager
def _readable() -> Iterator[None]:
    """Raises CommandError where every read of Auto Scaling fails: a wrong key, for example."""
    try:
        yield
    except ConfigurationError as error:
        raise CommandError(str(error)) from None


def _place(
    variables: dict[str, str],
    ready: Mapping[str, str],
    policy: Path | None,
    fleet: Path | None,
    without_policy: str,
    stop_switch: str | None,
) -> Place:
    """Raises CommandError."""
    if policy is not None:
        variables |= {"SCALEIN_POLICY": "", "SCALEIN_POLICY_FILE": str(policy.resolve())}
    is_named = variables.get("SCALEIN_POLICY") or variables.get("SCALEIN_POLICY_FILE")
    if not is_named and not without_policy:
        raise CommandError(
            "No policy says which scaling groups to read. Give --policy FILE. For a local cloud, "
            "give --local or --fleet FILE."
        )
    if not is_named:
        variables["SCALEIN_POLICY"] = without_policy
    if stop_switch is not None:
        variables["SCALEIN_STOP"] = stop_switch
    try:
        settings = read_settings(variables, context(ready))
        in_use = policy_in_use(settings.policy_text, settings.policy_file)
    except ConfigurationError as error:
        hint = "" if fleet else " For a local cloud, give --local or --fleet FILE."
        raise CommandError(f"Nothing was read: {str(error).rstrip('.')}.{hint}") from None
    where = f"fleet {relative_path(fleet)}" if fleet else f"Auto Scaling in {settings.region_id}"
    return Place(settings, in_use.policy, in_use.fingerprint, where, bool(is_named))
