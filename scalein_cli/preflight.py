"""Refuses to deploy what could not run: the same checks that the function itself makes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from types import SimpleNamespace

from scalein.contract import did_you_mean
from scalein.errors import ConfigurationError
from scalein.policy import read_policy, stop_fault
from scalein.settings import KNOWN, read_settings
from scalein_cli.cloud_access import KEY_ID, KEY_SECRET
from scalein_cli.errors import CommandError
from scalein_cli.function_api import STOP, FunctionAddress, FunctionState

PLACEHOLDER = "of-the-role"  # for credentials, which the function gets from its role
KEYS = (KEY_ID, KEY_SECRET)
CODE_FOLDER = PurePosixPath("/code")
MODULE = "scalein/__init__.py"
MAX_VARIABLE_BYTES = 4 << 10
STOP_BYTES = 64  # stay free for the stop switch: its name, and "all" or two groups
ARN = re.compile(r"acs:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:\S+")
QUEUE_ARN = "acs:mns:cn-hangzhou:1234567890:/queues/NAME/messages"
ARN_EXAMPLES = {
    "--role": "acs:ram::1234567890:role/NAME",
    "--on-success": QUEUE_ARN,
    "--on-failure": QUEUE_ARN,
}
CA_FILE = re.compile(r"(?<=[?&])ssl_ca_certs=[^&]*&?")


class Package:
    """The zip file of a function's code. `name`: as a message names it."""

    def __init__(self, content: bytes, name: str) -> None:
        """Raises CommandError."""
        self.content, self.name = content, name
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except zipfile.BadZipFile:
            message = f"{name} is not a zip file. Make one with scalein package."
            raise CommandError(message) from None
        self.files = frozenset(self._archive.namelist())
        for file in ("index.py", MODULE):
            if file not in self.files:
                raise CommandError(
                    f"{name} is not a package of this function: it has no {file}. Make one with "
                    "scalein package."
                )

    @property
    def has_ledger_client(self) -> bool:
        return any(file.startswith("redis/") for file in self.files)

    def text_of(self, file: str) -> str:
        """The text of one of its files."""
        return self._archive.read(file).decode("utf-8", "replace")

    @property
    def runtimes(self) -> frozenset[str]:
        """The runtimes that its compiled modules were made for; empty if any serves."""
        tags = (re.search(r"\.cpython-(\d)(\d+)-\w+", name) for name in self.files)
        return frozenset(f"python{tag[1]}.{tag[2]}" for tag in tags if tag)


def check_names(names: Iterable[str]) -> None:
    """Raises CommandError for a name of a variable that is meant to be a setting and is none.

    The function refuses an unknown SCALEIN_*; with another prefix it may be a library's.
    """
    for name in names:
        if not name:
            raise CommandError("--env needs a name before the =.")
        meant = did_you_mean(name.upper(), KNOWN)
        if meant and not name.startswith("SCALEIN_"):
            raise CommandError(f"Variable {name} is no setting of the function.{meant}")


def check_unset(names: Iterable[str], variables: Iterable[str]) -> None:
    """Raises CommandError for a name that is none of the variables, and like one of them."""
    known = set(variables)
    for name in names:
        meant = did_you_mean(name, known)
        if name not in known and meant:
            raise CommandError(f"--unset: the function has no variable {name}.{meant}")


def check_arn(option: str, arn: str) -> None:
    """Raises CommandError if the text cannot be an ARN. "" is none."""
    if arn and not ARN.fullmatch(arn):
        raise CommandError(f"{option} takes an ARN, such as {ARN_EXAMPLES[option]}; not {arn}.")


def check_runtime(package: Package, runtime: str) -> None:
    """Raises CommandError if the package was made for another runtime."""
    if package.runtimes - {runtime}:
        made_for = ", ".join(sorted(package.runtimes))
        raise CommandError(
            f"{package.name} was made for {made_for}, not for {runtime}. Make it again with "
            f"scalein package --runtime {runtime}, or deploy it with --runtime {made_for}."
        )


def check_function(address: FunctionAddress, after: FunctionState, package: Package | None) -> None:
    """Raises CommandError if the function would refuse its settings, or has no policy or role.

    `package`: its code; None if it is not known.
    """
    variables = after.variables
    if not after.settings.get("role") and not all(variables.get(key) for key in KEYS):
        raise CommandError(
            f"function {address} has no role, so it would have no credentials. Give --role "
            "acs:ram::ACCOUNT:role/NAME; docs/security.md lists the rights that it needs, and "
            "template.yml creates it."
        )
    sizes = {name: len(f"{name}{value}".encode()) for name, value in variables.items()}
    size = sum(sizes.values()) + max(0, STOP_BYTES - sizes.get(STOP, 0))
    if size > MAX_VARIABLE_BYTES:
        raise CommandError(
            f"The environment variables take {sum(sizes.values())} bytes; Function Compute takes "
            f"{MAX_VARIABLE_BYTES}, of which {STOP_BYTES} stay free for the stop switch. Put the "
            "policy into the package instead of SCALEIN_POLICY."
        )
    try:
        settings = read_settings(_environment(after), _context(address, after))
        if settings.ledger_url and package and not package.has_ledger_client:
            raise CommandError(
                f"SCALEIN_LEDGER is set, and {package.name} has no client of Redis. Make it again "
                "with scalein package --ledger redis."
            )
        text = settings.policy_text or _policy_in(package, variables)
        if text is not None:
            fault = stop_fault(settings.stopped_groups, read_policy(text))
            if fault:
                raise CommandError(f"{fault}. Correct SCALEIN_STOP: scalein start, scalein stop.")
    except ConfigurationError as error:
        raise CommandError(f"function {address} would refuse its settings. {error}") from None


def _policy_in(package: Package | None, variables: Mapping[str, str]) -> str | None:
    """The policy in the package; None if it is elsewhere. Raises CommandError if there is none."""
    file = CODE_FOLDER / (variables.get("SCALEIN_POLICY_FILE") or "policy.json")
    if package is None or not file.is_relative_to(CODE_FOLDER):
        return None  # on a mount
    name = str(file.relative_to(CODE_FOLDER))
    if name not in package.files:
        raise CommandError(
            f"{package.name} has no policy ({name}), and no variable names one. Make it again with "
            "scalein package --policy policy.json, or give --env SCALEIN_POLICY=... or "
            "--env SCALEIN_POLICY_FILE=... (a file on a mount)."
        )
    return package.text_of(name)


def _environment(after: FunctionState) -> dict[str, str]:
    """The variables as the function sees them. Files are on its disk, not on this one."""
    variables = dict.fromkeys(KEYS, PLACEHOLDER) | after.variables
    if "SCALEIN_LEDGER" in variables:
        variables["SCALEIN_LEDGER"] = CA_FILE.sub("", variables["SCALEIN_LEDGER"]).rstrip("?&")
    return variables


def _context(address: FunctionAddress, after: FunctionState) -> SimpleNamespace:
    """The context that Function Compute gives; account and region are always there."""
    function = SimpleNamespace(
        name=address.function,
        timeout=after.settings.get("timeout"),
        qualifier=address.qualifier,
    )
    context = SimpleNamespace(
        request_id="preflight", region="cn-hangzhou", account_id="1", function=function
    )
    if address.service and after.settings.get("runtime") != "python3.12":
        context.service = SimpleNamespace(name=address.service, qualifier=address.qualifier)
    return context
