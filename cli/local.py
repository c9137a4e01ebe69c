"""Starts the local cloud in a process of its own, and imitates what Function Compute hands a function."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parent.parent


class LocalCloudError(Exception):
    """The local cloud did not start; the text is what it said."""


@contextmanager
def local_cloud(fleet: Path, *options: str) -> Iterator[Mapping[str, str]]:
    """Gives its ready line: endpoint, accessKeyId, accessKeySecret, regionId. Raises LocalCloudError."""
    command = [sys.executable, "-m", "localcloud", "--port", "0", "--fleet", str(fleet.resolve()), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise LocalCloudError(process.communicate()[1].strip())
        yield json.loads(line)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def environment(ready: Mapping[str, str]) -> dict[str, str]:
    """What a function's environment needs to reach the local cloud."""
    return {
        "SCALEIN_ESS_ENDPOINT": ready["endpoint"],
        "ALIBABA_CLOUD_ACCESS_KEY_ID": ready["accessKeyId"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ready["accessKeySecret"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": "",
    }


def context(ready: Mapping[str, str], timeout_seconds: int = 60) -> SimpleNamespace:
    """A context of the python3.12 runtime: no credentials, they come from the environment."""
    function = SimpleNamespace(
        name="scalein", handler="index.handler", memory=256, timeout=timeout_seconds, version_id="", qualifier="LATEST"
    )
    return SimpleNamespace(
        request_id="local-run", function=function, region=ready["regionId"], account_id="0", logger=None
    )
