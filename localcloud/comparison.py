"""Where the local cloud answers otherwise than a recording: the calls are performed again.

Ids that a cloud makes, request ids and times differ in each run: an id stands for the other one
from its first appearance on, and of a time only its form is compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from localcloud import answers, errors
from localcloud.clock import DrivenClock
from localcloud.cloud import NESTED, LocalCloud
from localcloud.regions import region_of

VOLATILE = ("RequestId", "HostId", "Recommend", "NextToken")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z")
MADE_ID = re.compile(r"[A-Za-z]+(-[A-Za-z0-9]+)+|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}|[0-9.]+")
ID_NAMES = re.compile(".*(Id|Ids|Ari|Token|IpAddress)")
MISSING = "(missing)"


class RecordingError(Exception):
    """The file is no recording; the text says where and why."""


class Difference(NamedTuple):
    """One place where the answers differ."""

    line: int  # of the recording, from 1
    action: str
    place: str  # in the answer
    recorded: Any
    local: Any


@dataclass
class Comparison:
    """What came of a recording."""

    compared: int = 0
    skipped: list[int] = field(default_factory=list)  # lines: no RPC action, or no JSON
    differences: list[Difference] = field(default_factory=list)


@dataclass
class _Ids:
    """Which id of the local cloud stands for which recorded one."""

    local_by_recorded: dict[str, str] = field(default_factory=dict)

    def translated(self, text: str) -> str:
        """Returns the text with the local cloud's ids."""
        return re.sub(r"[\w-]+", lambda word: self.local_by_recorded.get(word[0], word[0]), text)

    def learn(self, recorded: str, local: str) -> bool:
        """Has one stand for the other; returns False if either is taken."""
        known = self.local_by_recorded
        if recorded in known or local in known.values():
            return False
        known[recorded] = local
        return True


def read_recording(path: Path) -> list[dict[str, Any]]:
    """Returns the file's entries. Raises RecordingError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        entries = [dict(json.loads(line)) for line in lines]
        for number, entry in enumerate(entries, 1):
            if not {"at", "params", "status", "answer", "path"} <= entry.keys():
                raise RecordingError(f"{path}, line {number}: not an entry of a recording")
            datetime.fromisoformat(entry["at"])
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{path}: not a recording: {error}") from error
    return entries


def compare(entries: Iterable[Mapping[str, Any]], cloud: LocalCloud) -> Comparison:
    """Performs each recorded call on the cloud, at its time. The cloud has a driven clock."""
    comparison, ids = Comparison(), _Ids()
    clock = cloud.service.clock
    for line, entry in enumerate(entries, 1):
        action = entry["params"].get("Action")
        if not action or entry["path"] != "/" or not isinstance(entry["answer"], dict):
            comparison.skipped.append(line)
            continue
        at = datetime.fromisoformat(entry["at"])
        if isinstance(clock, DrivenClock):
            clock.advance(max(0.0, (at - clock.now()).total_seconds()))
        params = {name: ids.translated(value) for name, value in entry["params"].items()}
        status, answer = _answer(cloud, params)
        comparison.compared += 1
        pairs = _differences(
            {"status": entry["status"], **entry["answer"]},
            {"status": status, **answer},
            "",
            ids,
        )
        comparison.differences += [Difference(line, action, *pair) for pair in pairs]
    return comparison


def _answer(cloud: LocalCloud, params: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Returns status and body, as JSON has it."""
    try:
        service = cloud.service_at(
            cloud.service.account_id, region_of(params, cloud.service.region_id)
        )
        reply = cloud.perform(params["Action"], params, service)
    except errors.ApiError as error:
        return error.status, {"Code": error.code, "Message": error.message}
    body = answers.nested(reply) if params.get("Version") == NESTED else reply
    return 200, json.loads(json.dumps(body))


def _differences(
    recorded: Any, local: Any, place: str, ids: _Ids
) -> Iterator[tuple[str, Any, Any]]:
    """Yields place, recorded value, local value."""
    if isinstance(recorded, dict) and isinstance(local, dict):
        for name in [*recorded, *(n for n in local if n not in recorded)]:
            if name in VOLATILE:
                continue
            inner = f"{place}.{name}" if place else name
            one, other = recorded.get(name, MISSING), local.get(name, MISSING)
            yield from _differences(one, other, inner, ids)
    elif isinstance(recorded, list) and isinstance(local, list):
        if len(recorded) != len(local):
            yield f"{place}.length", len(recorded), len(local)
        for number, (one, other) in enumerate(_pairs(recorded, local, ids)):
            yield from _differences(one, other, f"{place}[{number}]", ids)
    elif not _is_same(recorded, local, place, ids):
        yield place, recorded, local


def _pairs(recorded: list[Any], local: list[Any], ids: _Ids) -> list[tuple[Any, Any]]:
    """Returns what to compare with what: the same id or content first, then in their order."""
    name = _id_name(recorded, local)
    rest = list(local)
    pairs: list[Any] = []
    for one in recorded:
        id, text = ids.translated(_id(one, name)), _content(one, ids)
        same = next((other for other in rest if id and _id(other, name) == id), None)
        if same is None:
            same = next((other for other in rest if _content(other) == text), None)
        if same is not None:
            rest.remove(same)
        pairs.append((one, same))
    others = iter(rest)
    return [
        (one, next(others, None) if same is None else same) for one, same in pairs[: len(local)]
    ]


def _content(item: Any, ids: _Ids | None = None) -> str:
    """Returns all of an item but its times, with the local cloud's ids, as a text to compare."""
    text = json.dumps(item, sort_keys=True)
    return _comparable(ids.translated(text) if ids else text)


def _id(item: Any, name: str) -> str:
    return str(item.get(name, "")) if isinstance(item, dict) else str(item)


def _id_name(*lists: list[Any]) -> str:
    """Returns the field by which the items of each list differ; empty where there is none."""
    items = [item for one in lists for item in one]
    if not items or not all(isinstance(item, dict) for item in items):
        return ""
    for name in items[0]:
        values = [[_id(item, name) for item in one] for one in lists]
        if name.endswith("Id") and all(len(set(v)) == len(v) for v in values):
            return str(name)
    return ""


def _is_same(recorded: Any, local: Any, place: str, ids: _Ids) -> bool:
    if not isinstance(recorded, str) or not isinstance(local, str):
        are_alike = isinstance(recorded, bool) is isinstance(local, bool)  # JSON has one number
        return bool(recorded == local) and are_alike
    if _comparable(ids.translated(recorded)) == _comparable(local):
        return True
    name = re.sub(r"\[[0-9]+\]$", "", place).rpartition(".")[2]
    are_ids = MADE_ID.fullmatch(recorded) and MADE_ID.fullmatch(local)
    return bool(are_ids and ID_NAMES.fullmatch(name)) and ids.learn(recorded, local)


def _comparable(text: str) -> str:
    """Returns the text without its times."""
    return TIME.sub("TIME", text)
