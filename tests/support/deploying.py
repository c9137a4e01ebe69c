"""The commands that deploy, in this process, against a local cloud."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from click.testing import CliRunner, Result

from localcloud.functions.fleet_function import zipped
from localcloud.functions.model import Function, Service
from scalein_cli.__main__ import main
from tests.support.deployment import KEY
from tests.support.platforms import HANDLER, Compute, site_packages

POLICY: Mapping[str, Any] = {"groups": {"asg-1": {}, "asg-2": {}}}
ROLE = "acs:ram::1:role/scalein"
SECRET = "a follow-up key that no output shows"
NATIVE, OLDER = "scalein", "scalein/scale-in"  # of Function Compute 3.0, and 2.0


class SlowAnswer(io.BytesIO):
    """A person who agrees, after something has happened."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(b"y\n")
        self._meanwhile = [meanwhile]

    def read1(self, size: int | None = -1, /) -> bytes:
        while self._meanwhile:
            self._meanwhile.pop()()
        return super().read1(-1 if size is None else size)


@dataclass
class Deployer:
    """One function, by its name on the command line."""

    compute: Compute
    name: str

    def run(self, *arguments: str, answer: IO[bytes] | None = None, **variables: str) -> Result:
        """The command, with the function's name and the credentials in the environment.

        `answer`: what a person types.
        """
        known = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
            "SCALEIN_FC_ENDPOINT": self.compute.endpoint,
            "SCALEIN_FC_FUNCTION": self.name,
            "COLUMNS": "200",
        }
        runner = CliRunner(env={**known, **variables})
        return runner.invoke(main, list(arguments), prog_name="scalein", input=answer)

    def agreed(self, meanwhile: Callable[[], object], *arguments: str) -> Result:
        """The command; something happens while it waits for a person, who agrees."""
        return self.run(*arguments, answer=SlowAnswer(meanwhile))

    def done(self, *arguments: str) -> str:
        """The output of a command that must succeed."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return str(result.output)

    def refused(self, *arguments: str) -> str:
        """The message of a command that must fail, as one line."""
        result = self.run(*arguments)
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        return " ".join(result.output.split())

    def create(self, code: Path, *more: str) -> str:
        """Deploys a new function."""
        return self.done("deploy", str(code), "--role", ROLE, "--yes", *self.variables, *more)

    def invoke(self, event: object, *options: str) -> Result:
        """Sends an event to the function, on the Python of these packages."""
        for functions in (self.service.functions, *self.service.versions.values()):
            for function in functions.values():
                function.description["runtime"] = f"python3.{sys.version_info.minor}"
        file = self.compute.platform.registry.packages.folder / "event.json"
        file.write_text(json.dumps(event))
        return self.run("invoke", str(file), *options)

    def outcome(self, event: object, *options: str) -> dict[str, Any]:
        """The outcome of an event."""
        result = self.invoke(event, "--json", *options)
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.output[result.output.index("{") :]))

    @property
    def variables(self) -> list[str]:
        """The options that set the function's variables."""
        values = {
            "PYTHONPATH": site_packages(),
            "SCALEIN_POLICY": json.dumps(POLICY),
            "SCALEIN_ESS_ENDPOINT": self.compute.endpoint,
            "SCALEIN_FC_ENDPOINT": self.compute.endpoint,
            "SCALEIN_FOLLOW_UP_KEY": SECRET,
            "SCALEIN_FC_FUNCTION": self.name,
        }
        return [part for name, value in values.items() for part in ("--env", f"{name}={value}")]

    @property
    def service(self) -> Service:
        """What has the versions and aliases, inside of the local cloud."""
        service, _, function = self.name.rpartition("/")
        return self.compute.platform.registry.service(service, function)

    def function(self, qualifier: str = "LATEST") -> Function:
        """The function inside of the local cloud."""
        service, _, function = self.name.rpartition("/")
        return self.compute.platform.registry.function(service, function, qualifier)

    def version_of(self, alias: str) -> str:
        return str(self.service.aliases[alias]["versionId"])

    def limit(self, qualifier: str = "LATEST") -> int | None:
        """How many requests may run at once in a qualifier; None: no limit."""
        return self.compute.platform.registry.max_concurrency(self.function(qualifier))

    def config(self, qualifier: str = "LATEST") -> dict[str, Any]:
        """The asynchronous configuration of a qualifier."""
        service, _, function = self.name.rpartition("/")
        registry = self.compute.platform.registry
        return registry.async_config(service, function, qualifier)


def package(folder: Path, name: str = "code.zip", **files: str) -> Path:
    """A zip as `scalein package` makes it, without the packages, which come from this Python.

    `files`: more of them, by name; their text may be anything.
    """
    made = folder / name
    made.write_bytes(zipped(HANDLER))
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("redis/of-this-python", "")
        for file, text in files.items():
            archive.writestr(file.replace("__", "."), text)
    return made
