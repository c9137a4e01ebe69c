"""Files of policy tests: YAML or JSON, checked by schemas/policy-test.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from localcloud.ess.model import Assumptions
from localcloud.ess.service import Service
from localcloud.fleet import FleetError, read_document, service_of
from scalein.contract import did_you_mean
from scalein.errors import ConfigurationError, RejectedEvent
from scalein.intake.times import time_of
from scalein.policy import Policy, read_policy
from scalein_cli.errors import CommandError
from scalein_cli.simulated_function import SimulatedClock

SCHEMA = Path(__file__).with_name("schemas") / "policy-test.schema.json"
WRONG_USAGE = 2  # exit status
KINDS = ("alarm", "request", "event", "eventFile")

Json = dict[str, Any]


class CaseMessage(NamedTuple):
    """An event that arrives, and what each of its outcomes must have; None: anything."""

    at: datetime
    event: bytes
    expected: tuple[Json, ...] | None


class Case(NamedTuple):
    """A test, ready to run once."""

    file: Path
    name: str
    policy: Policy
    service: Service
    clock: SimulatedClock
    messages: tuple[CaseMessage, ...]


class FileError(CommandError):
    """A file of tests is wrong: its text names the file, the case and the field."""

    def __init__(self, file: Path, case: str, field: str, sentence: str) -> None:
        name = f", case {case!r}" if case else ""
        at = f", at {field}" if field else ""
        super().__init__(f"{file}{name}{at}: {sentence}", WRONG_USAGE)


class _Loader(yaml.SafeLoader):
    """Reads times as texts, and refuses a key that stands twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's)
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                problem = f"the key {key} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep)


def read_cases(file: Path, policy_file: Path | None) -> list[Case]:
    """The cases of a file, under its policy or the one given.

    Raises CommandError, which names the file, and the case and the field that are wrong.
    """
    document = _document(file)
    if policy_file is None and "policy" not in document:
        sentence = "no policy is named. Add policy, or give --policy FILE."
        raise FileError(file, "", "policy", sentence)
    policy_file = policy_file or file.parent / document["policy"]
    try:
        policy = read_policy("", str(policy_file))
    except ConfigurationError as error:
        raise FileError(file, "", "policy", str(error)) from None
    return [_case(file, document | case, policy) for case in document["cases"]]


def _document(file: Path) -> Json:
    """The content of the file, which satisfies the schema. Raises FileError."""
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (it is safe)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(file, "", "", f"the file cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise FileError(file, "", "", f"not YAML: {' '.join(str(error).split())}") from None
    if document is None:
        raise FileError(file, "", "", "it is empty; policy-tests/ has examples.")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    violation = best_match(Draft202012Validator(schema).iter_errors(document))
    if violation is not None:
        case, field = _place(violation, document)
        raise FileError(file, case, field, _sentence(violation))
    return dict(document)


def _place(violation: ValidationError, document: Any) -> tuple[str, str]:
    """The case that is wrong, by name or number, and the field within it."""
    path = list(violation.absolute_path)
    if len(path) < 2 or path[0] != "cases":
        return "", _field(path)
    number = int(path[1])
    case = document["cases"][number]
    name = case.get("name") if isinstance(case, dict) else None
    return str(name or f"number {number + 1}"), _field(path[2:])


def _field(path: Sequence[str | int]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).lstrip(".")


def _sentence(violation: ValidationError) -> str:
    if violation.validator != "enum":
        return f"{violation.message}."
    values: Any = violation.validator_value
    known = [value for value in values if value is not None]
    suggestion = did_you_mean(str(violation.instance), known)
    return f"{violation.instance!r} is not known.{suggestion} Known are {', '.join(known)}."


def _case(file: Path, fields: Json, policy: Policy) -> Case:
    """Raises FileError. `fields`: of the case, and of the file for what the case does not have."""
    name = str(fields["name"])
    for field in ("fleet", "now"):
        if field not in fields:
            sentence = f"{field} is missing. Add it to the case or to the file."
            raise FileError(file, name, field, sentence)
    clock = SimulatedClock(_time(file, name, "now", fields["now"]))
    service = _service(file, name, fields["fleet"], clock)
    messages = tuple(_messages(file, name, fields["messages"], clock.now()))
    if all(message.expected is None for message in messages):
        raise FileError(file, name, "messages", "no message has an expect, so nothing is tested.")
    return Case(file, name, policy, service, clock, messages)


def _service(file: Path, case: str, fleet: str | Json, clock: SimulatedClock) -> Service:
    try:
        document = read_document(file.parent / fleet) if isinstance(fleet, str) else fleet
        return service_of(document, clock, Assumptions())
    except FleetError as error:
        raise FileError(file, case, "fleet", f"{error}.") from None


def _messages(
    file: Path, case: str, messages: Sequence[Json], start: datetime
) -> Iterator[CaseMessage]:
    at = start
    for number, message in enumerate(messages):
        field = f"messages[{number}]"
        if "at" in message and "afterSeconds" in message:
            raise FileError(file, case, field, "at and afterSeconds exclude each other.")
        earlier = at
        if "at" in message:
            at = _time(file, case, f"{field}.at", message["at"])
        at += timedelta(seconds=message.get("afterSeconds", 0))
        if at < earlier:
            sentence = f"the message before it arrives at {earlier:%Y-%m-%dT%H:%M:%SZ}, later."
            raise FileError(file, case, f"{field}.at", sentence)
        expected = message.get("expect")
        listed = expected if isinstance(expected, list) or expected is None else [expected]
        event = _event(file, case, field, message, number, at)
        yield CaseMessage(at, event, None if listed is None else tuple(listed))


def _event(file: Path, case: str, field: str, message: Json, number: int, at: datetime) -> bytes:
    """The bytes that the function gets. Raises FileError."""
    kinds = [kind for kind in KINDS if kind in message]
    if len(kinds) != 1:
        sentence = f"give exactly one of {', '.join(KINDS)}; it has {', '.join(kinds) or 'none'}."
        raise FileError(file, case, field, sentence)
    content = message[kinds[0]]
    if kinds == ["eventFile"]:
        try:
            return Path(file.parent, content).read_bytes()
        except OSError as error:
            sentence = f"{content} cannot be read: {error.strerror}."
            raise FileError(file, case, f"{field}.eventFile", sentence) from None
    if kinds == ["alarm"]:
        content = alarm_callback(content, at)
    elif kinds == ["request"]:
        content = {"requestId": f"message-{number + 1}", **content}
    return json.dumps(content).encode()


def alarm_callback(fields: Mapping[str, Any], at: datetime) -> Json:
    """A threshold alarm as CloudMonitor sends it; by default it fires, and now."""
    timestamp = str(int(at.timestamp() * 1_000))
    callback = {"alertState": "ALERT", "timestamp": timestamp, **fields}
    ids = callback.pop("instanceIds", None)
    return callback | ({"dimensions": [{"instanceId": id} for id in ids]} if ids else {})


def _time(file: Path, case: str, field: str, text: str) -> datetime:
    try:
        return time_of(text, "$")
    except RejectedEvent as error:
        raise FileError(file, case, field, str(error)) from None
