"""The function that a fleet file names: deployed in the local Function Compute when the first event is fired."""

from __future__ import annotations

import base64
import io
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.functions.instances import Result
from localcloud.functions.platform import Platform

SERVICE = "local"


@dataclass
class Deployed:
    """`told`: name, folder, handler, events, environment; folders as of the fleet file."""

    platform: Platform
    folder: Path
    events_folder: Path
    told: dict[str, Any]
    endpoint: str = ""  # once it is known
    deployed: bool = field(default=False)

    @property
    def name(self) -> str:
        return str(self.told.get("name", "function"))

    def events(self) -> list[str]:
        found = sorted(self.events_folder.glob("*.json"))
        return [path.stem for path in found if not path.name.endswith(".expected.json")]

    def event(self, name: str) -> str:
        return (self.events_folder / f"{name}.json").read_text(encoding="utf-8")

    def invoke(self, event: bytes) -> Result:
        """Raises FcError."""
        if not self.deployed:
            self._deploy()
        return self.platform.invoke(self.platform.registry.function(SERVICE, self.name), event)

    def _deploy(self) -> None:
        values = {"endpoint": self.endpoint, "folder": str(self.folder)}
        environment = {name: str(value).format(**values) for name, value in self.told.get("environment", {}).items()}
        registry = self.platform.registry
        registry.create_service({"serviceName": SERVICE})
        registry.put_function(
            SERVICE,
            {
                "functionName": self.name,
                "runtime": f"python3.{sys.version_info.minor}",  # with the packages of this one
                "handler": self.told.get("handler", "index.handler"),
                "initializer": self.told.get("initializer", ""),
                "timeout": self.told.get("timeout", 60),
                "initializationTimeout": 30,
                "environmentVariables": environment,
                "code": {"zipFile": base64.b64encode(zipped(self.folder)).decode()},
            },
        )
        self.deployed = True


def deployed_of(document: dict[str, Any], fleet: Path, platform: Platform) -> Deployed | None:
    """None where the fleet file names no function, or its folder is not there."""
    told = document.get("function")
    if not told:
        return None
    folder = (fleet.parent / told["folder"]).resolve()
    if not folder.is_dir():
        return None
    return Deployed(platform, folder, (fleet.parent / told.get("events", ".")).resolve(), told)


def zipped(folder: Path) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
    return made.getvalue()
