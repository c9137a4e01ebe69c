"""Credentials and region of a person at a terminal, found as other Alibaba Cloud tools find them.

They go into the environment of this process, where the function's own settings look for them.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from scalein.clock import Deadline
from scalein.cloud.gateway import GROUP_ONLY, DryRun, Gateway, Removal
from scalein.cloud.retries import NO_CONNECTION, Patience, Retries
from scalein.decision.model import Activity, ReadScope, Snapshot
from scalein.errors import ConfigurationError, GatewayError
from scalein.settings import Settings
from scalein_cli.errors import CommandError, UnreachedError
from scalein_cli.interrupts import end_soon_on_interrupt
from scalein_cli.verification import check_trust_store, misconnected

KEY_ID, KEY_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
TOKEN, REGION = "ALIBABA_CLOUD_SECURITY_TOKEN", "SCALEIN_REGION_ID"
MAX_WAIT_SECONDS = 5.0  # for a service that does not answer: a person waits
PLACES = (
    f"{KEY_ID} and {KEY_SECRET}, OIDC's variables, ~/.aliyun/config.json, "
    "~/.alibabacloud/credentials, and the RAM role of an ECS instance"
)


def _use_profile(_context: click.Context, _parameter: click.Parameter, profile: str) -> None:
    if profile:
        _set_credentials(profile)


def _use_region(_context: click.Context, _parameter: click.Parameter, region: str) -> None:
    if region:
        os.environ[REGION] = region


profile_option = click.option(
    "--profile",
    default="",
    metavar="NAME",
    callback=_use_profile,
    expose_value=False,
    is_eager=True,  # before --region, which is more than the region of a profile
    help="Profile of ~/.aliyun/config.json: credentials and region.  [default: as `aliyun` does]",
)
region_option = click.option(
    "--region",
    default="",
    metavar="ID",
    callback=_use_region,
    expose_value=False,
    help=f"Region, such as cn-hangzhou.  [default: {REGION}, else the profile's]",
)


def find_credentials() -> None:
    """Makes sure that the environment has credentials. Raises CommandError."""
    if not (os.environ.get(KEY_ID) and os.environ.get(KEY_SECRET)):
        _set_credentials("")


def reading_gateway(settings: Settings, deadline: Deadline) -> Gateway:
    """ESS for a person, who waits only seconds for a service that does not answer.

    Its reads raise CommandError, with the endpoint and its setting, if there is no answer at all or
    a certificate does not verify.
    Only for commands that change nothing: Ctrl-C ends them at once.
    """
    from scalein.cloud.ess import EssGateway  # the SDK: a quarter of a second

    if settings.ess_endpoint is None or settings.ess_endpoint.secure:
        check_trust_store()
    end_soon_on_interrupt()
    patience = Patience(MAX_WAIT_SECONDS, deadline.clock)
    gateway = EssGateway(settings, deadline, retries=Retries(deadline, patience))
    return _PersonsGateway(gateway, settings)


class _PersonsGateway(DryRun):
    """Tells a person where ESS cannot be reached. Has `remove` for `check --try-remove`."""

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        super().__init__(gateway)
        self._settings = settings

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        with _unreached_as_error(self._settings):
            return super().snapshot(scaling_group_id, read_scope)

    def remove(self, removal: Removal) -> str:
        with _unreached_as_error(self._settings):
            return self._gateway.remove(removal)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        with _unreached_as_error(self._settings):
            return super().history(scaling_group_id, since)

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        with _unreached_as_error(self._settings):
            return super().groups_of(instance_ids)


@contextmanager
def _unreached_as_error(settings: Settings) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        if error.misconnection is None:
            raise
        raise misconnected(*error.misconnection) from None
    except GatewayError as error:
        if error.code not in NO_CONNECTION:
            raise
        endpoint = settings.ess_endpoint
        place = endpoint.host if endpoint else f"the SDK's endpoint of {settings.region_id}"
        raise UnreachedError(
            f"Auto Scaling does not answer at {place} ({error.action}). Check the network, "
            f"HTTPS_PROXY, the region, and SCALEIN_ESS_ENDPOINT, which sets another endpoint."
        ) from None


def _set_credentials(profile: str) -> None:
    """Of the profile; without one, of the first place that has some. Raises CommandError."""
    try:
        from alibabacloud_credentials.exceptions import CredentialException
        from alibabacloud_credentials.provider import (
            CLIProfileCredentialsProvider,
            DefaultCredentialsProvider,
        )
    except ImportError:
        raise CommandError(
            f"There are no credentials in {KEY_ID} and {KEY_SECRET}. To find them elsewhere: pip "
            "install alibabacloud-credentials (in a checkout, make setup)."
        ) from None
    logging.getLogger("credentials").disabled = True  # it prints tracebacks of what it tried
    try:
        if profile:
            found = CLIProfileCredentialsProvider(profile_name=profile).get_credentials()
        else:
            found = DefaultCredentialsProvider().get_credentials()
    except (CredentialException, OSError, ValueError, KeyError) as error:
        where = f"profile {profile} of ~/.aliyun/config.json" if profile else PLACES
        # Its text lists what each place lacks; it has no secret, but for the chain it is long.
        cause = f" ({error})" if profile else ""
        raise CommandError(f"There are no credentials in {where}{cause}.") from None
    os.environ[KEY_ID] = found.get_access_key_id() or ""
    os.environ[KEY_SECRET] = found.get_access_key_secret() or ""
    os.environ[TOKEN] = found.get_security_token() or ""
    region = _region_of(profile)
    if region and (profile or not os.environ.get(REGION)):
        os.environ[REGION] = region


def _region_of(profile: str) -> str:
    """The region of the profile, or of the current one; empty if there is none."""
    try:
        text = (Path.home() / ".aliyun" / "config.json").read_text(encoding="utf-8")
        document: dict[str, Any] = json.loads(text)
        name = profile or document.get("current")
        profiles = [one for one in document["profiles"] if one["name"] == name]
        return str(profiles[0].get("region_id") or "") if profiles else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # the credentials came from elsewhere
