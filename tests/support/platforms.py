"""A local cloud with functions behind it, and the real fc2."""

from __future__ import annotations

import logging
import shutil
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fc2

from localcloud.authenticator import Authenticator
from localcloud.clock import AdvancingClock
from localcloud.cloud import LocalCloud
from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from localcloud.functions.instances import Account
from localcloud.functions.platform import Platform
from localcloud.server import running
from tests.support.deployment import KEY

HANDLER = Path(__file__).parents[2] / "handler"
ECHO = "def handler(event, context):\n    return event\n"


class Quiet(logging.Filter):
    """fc2 logs what it sends at ERROR, where a call is refused."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "fc2" not in record.pathname


@dataclass
class Compute:
    inside: LocalCloud
    endpoint: str
    clock: AdvancingClock

    @property
    def client(self) -> fc2.Client:
        return fc2.Client(
            endpoint=f"http://{self.endpoint}",
            accessKeyID=KEY.access_key_id,
            accessKeySecret=KEY.access_key_secret,
        )

    @property
    def platform(self) -> Platform:
        assert self.inside.platform
        return self.inside.platform

    def deploy(self, folder: Path, code: str = ECHO, name: str = "f", **fields: Any) -> None:
        """The code as index.py, in service s."""
        source = folder / name
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir()
        (source / "index.py").write_text(code)
        if "s" not in self.platform.registry.services:
            self.client.create_service("s")
        self.client.create_function(
            "s", name, "python3.10", "index.handler", codeDir=str(source), **fields
        )


@contextmanager
def compute_of(
    *groups: Mapping[str, Any], certificate: tuple[str, str] | None = None
) -> Iterator[Compute]:
    """`certificate`: the files of one and of its key, by which it is served over HTTPS alone."""
    clock = AdvancingClock()
    service = service_of({"groups": list(groups)}, clock, Assumptions(activity_seconds=0.2))
    account = Account("cn-hangzhou", KEY.access_key_id, KEY.access_key_secret, "")

    platform = Platform(clock, account, service.send_message)
    inside = LocalCloud(
        service, Authenticator(KEY.access_key_id, KEY.access_key_secret), platform=platform
    )
    silence = Quiet()
    logging.getLogger().addFilter(silence)
    try:
        with running(inside, certificate) as endpoint:
            yield Compute(inside, endpoint, clock)
    finally:
        platform.close()
        logging.getLogger().removeFilter(silence)


def site_packages() -> str:
    return sysconfig.get_paths()["purelib"]
