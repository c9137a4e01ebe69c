"""What the commands need of Function Compute, as a protocol that both generations have.

Settings are those of the API, by its names: of a function and, in 2.0, of its service too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

LATEST = "LATEST"
VARIABLES = "environmentVariables"
STOP = "SCALEIN_STOP"  # the variable that is the stop switch
# The settings of a function that can be changed, of both generations.
SETTINGS = frozenset(
    {
        *("runtime", "handler", "initializer", "initializationTimeout", "instanceLifecycleConfig"),
        *("memorySize", "cpu", "diskSize", "timeout", VARIABLES, "layers", "role"),
        *("logConfig", "vpcConfig", "nasConfig", "ossMountConfig", "tracingConfig"),
        *("internetAccess", "instanceConcurrency", "instanceSoftConcurrency", "instanceType"),
        *("caPort", "customContainerConfig", "customRuntimeConfig", "customDNS"),
        *("disableInjectCredentials", "disableOndemand", "idleTimeout", "gpuConfig"),
        *("sessionAffinity", "sessionAffinityConfig", "enableLongLiving"),
        *("instanceIsolationMode", "juiceFsConfig", "polarFsConfig", "microSandboxConfig"),
    }
)
ASYNC_READ_ONLY = frozenset(
    {"createdTime", "lastModifiedTime", "functionArn", "function", "service", "qualifier"}
)


class ApiError(Exception):
    """An error answer of Function Compute. Its text is the message, without any credentials."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NoAnswer(Exception):
    """Function Compute was not reached, or the connection broke. Its text is the kind of error."""


class FunctionAddress(NamedTuple):
    """Where a function is in Function Compute."""

    service: str  # empty: a function of 3.0
    function: str
    qualifier: str = LATEST

    def __str__(self) -> str:
        return f"{self.service}/{self.function}" if self.service else self.function


class FunctionState(NamedTuple):
    """A function in one version: its settings, and the checksum of its code."""

    settings: Mapping[str, Any]
    checksum: str

    @property
    def variables(self) -> dict[str, str]:
        return dict(self.settings.get(VARIABLES) or {})

    def with_variables(self, variables: Mapping[str, str]) -> FunctionState:
        """The same function with these environment variables instead of its own."""
        return self._replace(settings={**self.settings, VARIABLES: dict(variables)})

    def is_same_as(self, other: FunctionState) -> bool:
        """Whether code and settings are the same. An absent setting equals an empty one."""
        return self.checksum == other.checksum and not self.differing_names(other)

    def differing_names(self, other: FunctionState) -> list[str]:
        """The names of the settings that differ."""
        names = sorted({*self.settings, *other.settings})
        return [
            name
            for name in names
            if _value(self.settings.get(name)) != _value(other.settings.get(name))
        ]

    def includes(self, other: FunctionState) -> bool:
        """Whether it has all settings of the other one, and perhaps more."""
        return _includes(_value(self.settings), _value(other.settings))


class Alias(NamedTuple):
    """An alias: the version that it points at, and the share of others by version."""

    name: str
    version: str
    weights: Mapping[str, float] = {}

    def __str__(self) -> str:
        shares = [f"{share:.0%} to version {id}" for id, share in self.weights.items()]
        return ", ".join([f"version {self.version}", *shares])


class Trigger(NamedTuple):
    """A trigger: what sends events to a version or alias of the function."""

    name: str
    kind: str  # eventbridge, timer, http ...
    qualifier: str


class Answer(NamedTuple):
    """The answer to an invocation. Names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def is_error(self) -> bool:
        """Whether the function raised: Function Compute answers HTTP 200 then too."""
        return "x-fc-error-type" in self.headers


class FunctionApi(Protocol):
    """One function in Function Compute. Every method raises ApiError and NoAnswer."""

    @property
    def address(self) -> FunctionAddress: ...

    def read(self, qualifier: str = LATEST) -> FunctionState | None:
        """Returns the function in a version or alias; None if it does not exist."""

    def read_code(self, qualifier: str = LATEST) -> bytes:
        """Returns the zip file of its code."""

    def create(self, settings: Mapping[str, Any], code: bytes) -> None:
        """Creates the function, and in 2.0 its service if need be."""

    def update(self, settings: Mapping[str, Any], code: bytes | None = None) -> None:
        """Changes these settings of LATEST and, if given, its code."""

    def initializer(self, handler: str, timeout_seconds: int) -> dict[str, Any]:
        """The settings that make `handler` the initializer."""

    def size(self, memory_mb: int) -> dict[str, Any]:
        """The settings of a new function with so much memory."""

    def companions(self) -> list[FunctionApi]:
        """Returns the other functions that are published with this one: in 2.0, of its service."""

    def versions(self) -> dict[str, str]:
        """Returns the descriptions of all versions by their ids, newest first; none if the function
        does not exist.
        """

    def publish(self, description: str) -> str:
        """Makes a version of LATEST; returns its id. Refused if nothing changed since the last."""

    def aliases(self) -> list[Alias]:
        """Returns all aliases; none if the function does not exist."""

    def put_alias(self, name: str, version: str, is_new: bool) -> None:
        """Points the alias at the version, for all invocations."""

    def read_async_config(self, qualifier: str) -> dict[str, Any] | None:
        """Returns the asynchronous configuration of a qualifier; None if it has none."""

    def put_async_config(self, qualifier: str, config: Mapping[str, Any]) -> None:
        """Replaces the asynchronous configuration of a qualifier."""

    @property
    def task_setting(self) -> str:
        """The name of the asynchronous configuration's setting for task ids."""

    def read_concurrency(self, qualifier: str = LATEST) -> int | None:
        """Returns how many requests may run at once; None: no limit is set.

        In 3.0 that is of all qualifiers together.
        """

    def put_concurrency(self, limit: int, qualifier: str = LATEST) -> None:
        """Sets how many requests may run at once; in 2.0, how many instances there are."""

    def triggers(self) -> list[Trigger]:
        """Returns the triggers of all qualifiers."""

    @property
    def log_defaults(self) -> Mapping[str, Any]:
        """The settings of a log that template.yml has too, beside project and log store."""

    def invoke(self, event: bytes, headers: Mapping[str, str]) -> Answer:
        """Invokes the function in the address's qualifier."""

    def task_headers(self, task_id: str) -> dict[str, str]:
        """The headers that make an asynchronous invocation a task with this id."""

    def read_task(self, task_id: str) -> dict[str, Any]:
        """Returns the task: status, returnPayload, errorMessage as far as there are any."""


def settings_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in what Function Compute says of a function."""
    return {name: value for name, value in description.items() if name in SETTINGS}


def _includes(whole: Any, part: Any) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(_includes(whole.get(name), value) for name, value in part.items())
    return bool(whole == part)


def _value(setting: Any) -> Any:
    """A setting with empty parts left out: an absent one and an empty one are the same."""
    if isinstance(setting, Mapping):
        parts = {name: _value(part) for name, part in setting.items()}
        return {name: part for name, part in parts.items() if part is not None} or None
    if isinstance(setting, list | tuple):
        return [_value(part) for part in setting] or None
    return None if setting == "" else setting
