"""The function that a fleet file names: deployed when the first event is fired at it."""

from __future__ import annotations

import base64
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar

from localcloud.functions.platform import Platform

SERVICE = "local"


@dataclass
class FleetFunction:
    """A function and its events. `settings`: as the fleet file has them under `function`."""

    platform: Platform
    folder: Path
    events_folder: Path
    settings: dict[str, Any]
    service: ClassVar[str] = SERVICE
    endpoint: str = ""  # of the cloud, once it is known
    is_deployed: bool = False

    @property
    def name(self) -> str:
        return str(self.settings.get("name", "function"))

    def deploy(self) -> None:
        """Deploys the function, unless it is. Raises FcError."""
        if self.is_deployed and SERVICE in self.platform.registry.services:
            return
        values = {
            "endpoint": self.endpoint,
            "folder": str(self.folder),
            "secret": token_hex(16),
        }
        templates = self.settings.get("environment", {})
        environment = {name: str(text).format(**values) for name, text in templates.items()}
        registry = self.platform.registry
        if SERVICE not in registry.services:
            registry.create_service({"serviceName": SERVICE})
        is_there = self.name in registry.services[SERVICE].functions  # of a saved state
        registry.put_function(
            SERVICE,
            {
                "functionName": self.name,
                # with the packages of this Python
                "runtime": f"python3.{sys.version_info.minor}",
                "handler": self.settings.get("handler", "index.handler"),
                "initializer": self.settings.get("initializer", ""),
                "timeout": self.settings.get("timeout", 60),
                "initializationTimeout": 30,
                "environmentVariables": environment,
                "code": {"zipFile": base64.b64encode(zipped(self.folder)).decode()},
            },
            self.name if is_there else "",
        )
        self.is_deployed = True


def fleet_function_of(
    document: dict[str, Any], fleet: Path, platform: Platform
) -> FleetFunction | None:
    """Returns the function; None where the fleet file names none, or its folder does not exist."""
    settings = document.get("function")
    if not settings:
        return None
    folder = (fleet.parent / settings["folder"]).resolve()
    if not folder.is_dir():
        return None
    events_folder = (fleet.parent / settings.get("events", ".")).resolve()
    return FleetFunction(platform, folder, events_folder, settings)


def zipped(folder: Path) -> bytes:
    """Returns a zip file of the folder, without compiled Python."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()
