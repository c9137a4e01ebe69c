"""Services and functions of Function Compute, and the errors of its API."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

LATEST = "LATEST"
NATIVE = ""  # the service of a native function, of Function Compute 3.0, which has none


class FcError(Exception):
    """An error answer: HTTP status, ErrorCode, ErrorMessage."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code


def new_request_id(is_native: bool) -> str:
    """Returns an id of one request: a UUID in 2.0.

    In 3.0 it is 1, the second in hexadecimal digits, and a random part, as its logs show it.
    """
    if not is_native:
        return str(uuid4())
    return f"1-{int(time.time()):08x}-{token_hex(4)}-{token_hex(6)}"


@dataclass
class Function:
    """A function, as it was deployed."""

    service: str  # NATIVE: of Function Compute 3.0
    name: str
    code: Path
    description: dict[str, Any]  # what GetFunction answers
    version_id: str = ""
    qualifier: str = LATEST

    @property
    def key(self) -> str:
        """Of its instances: an instance that is busy during an update serves nothing after it."""
        configuration = json.dumps(self.description, sort_keys=True)
        digest = hashlib.sha256(configuration.encode()).hexdigest()[:16]
        return f"{self.service}.{self.version_id or LATEST}/{self.name}/{digest}"

    @property
    def owner(self) -> str:
        """Who has a limit of concurrent invocations: a function, in 2.0 under its qualifier."""
        return self.name if self.is_native else f"{self.service}.{self.qualifier}/{self.name}"

    @property
    def is_native(self) -> bool:
        return self.service == NATIVE

    @property
    def runtime(self) -> str:
        return str(self.description["runtime"])

    @property
    def handler(self) -> str:
        return str(self.description["handler"])

    @property
    def timeout(self) -> int:
        return int(self.description.get("timeout") or 3)

    @property
    def memory_size(self) -> int:
        return int(self.description.get("memorySize") or 128)

    @property
    def initializer(self) -> str:
        return str(self._initializer.get("handler") or self.description.get("initializer") or "")

    @property
    def initializer_timeout(self) -> int:
        older = self.description.get("initializationTimeout")
        return int(self._initializer.get("timeout") or older or 3)

    @property
    def _initializer(self) -> dict[str, Any]:
        """As 3.0 describes it; 2.0 has two fields of the function instead."""
        hooks = self.description.get("instanceLifecycleConfig") or {}
        return dict(hooks.get("initializer") or {})

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.description.get("environmentVariables") or {})


@dataclass
class Service:
    """A service and its functions; or a native function, which is alone in one without a name."""

    name: str
    description: dict[str, Any]
    functions: dict[str, Function] = field(default_factory=dict)
    versions: dict[str, dict[str, Function]] = field(default_factory=dict)
    version_descriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    version_services: dict[str, dict[str, Any]] = field(default_factory=dict)  # what it was then
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    # by qualifier and function
    async_configs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    on_demand_configs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    provision_configs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    # by function, then by the name of the trigger
    triggers: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    vpc_ids: list[str] = field(default_factory=list)
    reserved_concurrency: int | None = None  # of a native function
