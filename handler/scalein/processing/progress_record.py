"""A message's progress as JSON text with a version: recorded in the ledger, and sent in follow-ups.

A follow-up is signed: all that may invoke the function can send an event like it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any

from scalein.decision.progress import Call, CallState, Progress
from scalein.errors import RejectedEvent
from scalein.intake.dialects import SignedFollowUp
from scalein.intake.removal_request import document_of, request_of

VERSION = 5
MICROSECOND = timedelta(microseconds=1)
PURPOSE = b"scalein-follow-up/2\n"  # no other text that the key signs has it


def progress_text(progress: Progress) -> str:
    """The record. It has each instance id once, and elsewhere its position.

    A follow-up with a thousand ids must fit into an event together with its outcome.
    """
    request, target = progress.request, progress.request.target
    requested = target.instance_ids or ()
    others = [*progress.unaccounted, *(id for id, _ in progress.given_up)]
    called = [id for call in progress.calls for id in call.instance_ids]
    ids = tuple(dict.fromkeys((*progress.selected, *requested, *called, *others)))
    position_by_id = {id: number for number, id in enumerate(ids)}

    def positions(instance_ids: Iterable[str]) -> str:
        return ranges_text([position_by_id[id] for id in instance_ids])

    return json.dumps(
        {
            "version": VERSION,
            "request": {**document_of(request), **({"remove": None} if requested else {})},
            "requested": positions(requested),
            "sentAt": _text(request.sent_at),
            "notAfter": _text(request.not_after),
            "derivedId": request.derived_id,
            "observation": request.observation,
            "begunAt": progress.first_claimed_at.isoformat(),
            "ids": ids_text(ids),
            "selected": len(progress.selected),
            "calls": [
                [
                    call.token_number,
                    positions(call.instance_ids),
                    (call.intended_at - progress.first_claimed_at) // MICROSECOND,
                    (call.send_by - progress.first_claimed_at) // MICROSECOND,
                    call.state.value,
                    call.activity_id,
                ]
                for call in progress.calls
            ],
            "givenUp": [
                [reason, positions(id for id, _ in some)]
                for reason, some in groupby(progress.given_up, lambda given_up: given_up[1])
            ],
            "unaccounted": positions(progress.unaccounted),
            "nextToken": progress.next_token,
            "followUps": progress.follow_ups,
            "attempt": progress.attempt,
            "idle": progress.idle,
            "ended": progress.ended,
            "dueAt": _text(progress.due_at),
            "groupOf": ids_text(progress.group_of),
        },
        separators=(",", ":"),
    )


def parse_progress(text: str) -> Progress:
    """The progress. Raises RejectedEvent for a record of another version, and for other text."""
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise RejectedEvent(
                "$.version",
                "version",
                "The progress record is of another version of this function.",
            )
        return _progress(document)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise RejectedEvent("$", "progress", "The progress record cannot be read.") from error


def _progress(document: dict[str, Any]) -> Progress:
    ids, first_claimed_at = parse_ids(document["ids"]), datetime.fromisoformat(document["begunAt"])

    def at(positions: str) -> tuple[str, ...]:
        return tuple(ids[number] for number in parse_ranges(positions, len(ids)))

    requested = at(document["requested"])
    remove = {"remove": {"instanceIds": requested}} if requested else {}
    request = request_of({**document["request"], **remove}, "", _time(document["sentAt"]))
    return Progress(
        request=request._replace(
            not_after=_time(document["notAfter"]),
            derived_id=bool(document["derivedId"]),
            observation=str(document["observation"]),
        ),
        first_claimed_at=first_claimed_at,
        selected=ids[: int(document["selected"])],
        calls=tuple(
            Call(
                int(number),
                at(some),
                first_claimed_at + int(intended) * MICROSECOND,
                first_claimed_at + int(send_by) * MICROSECOND,
                CallState(state),
                str(activity_id),
            )
            for number, some, intended, send_by, state, activity_id in document["calls"]
        ),
        given_up=tuple(
            (id, str(reason)) for reason, some in document["givenUp"] for id in at(some)
        ),
        unaccounted=at(document["unaccounted"]),
        next_token=int(document["nextToken"]),
        follow_ups=int(document["followUps"]),
        attempt=int(document["attempt"]),
        idle=int(document["idle"]),
        ended=str(document["ended"]),
        # Records of the same version, made before there were these fields, lack them.
        due_at=_time(document.get("dueAt")),
        group_of=parse_ids(document.get("groupOf", "")),
    )


def sign_follow_up(progress: Progress, key: str) -> bytes:
    """The event of a follow-up: the record and its signature."""
    text = progress_text(progress)
    return json.dumps({"followUp": text, "signature": _signature(text, key)}).encode()


def verify_follow_up(follow_up: SignedFollowUp, key: str) -> Progress:
    """The progress in a follow-up. Raises RejectedEvent if it was not signed with this key."""
    expected = _signature(follow_up.text, key).encode()
    signature = follow_up.signature.encode("utf-8", "surrogatepass")
    if not key or not hmac.compare_digest(expected, signature):
        raise RejectedEvent(
            "$.signature",
            "signature",
            "The follow-up was not signed with this function's SCALEIN_FOLLOW_UP_KEY.",
        )
    return parse_progress(follow_up.text)


def _signature(text: str, key: str) -> str:
    return hmac.new(
        key.encode(), PURPOSE + text.encode("utf-8", "surrogatepass"), sha256
    ).hexdigest()


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def ranges_text(numbers: Iterable[int]) -> str:
    """Numbers as a short text such as "0-19 40 7", in the order given."""
    ranges = list[list[int]]()
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return " ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ranges)


def parse_ranges(text: str, limit: int) -> Iterator[int]:
    """The numbers of such a text. Raises ValueError for a number that is not below the limit."""
    for part in text.split():
        first, _, last = part.partition("-")
        if int(last or first) >= limit:
            raise ValueError(part)
        yield from range(int(first), int(last or first) + 1)


def ids_text(ids: tuple[str, ...]) -> str | list[str]:
    """The ids as one text, if none has a space; else as a list.

    In a list, the quotes of each id take four bytes more, as text within JSON within JSON.
    """
    text = " ".join(ids)
    return text if parse_ids(text) == ids else list(ids)


def parse_ids(ids: str | list[str]) -> tuple[str, ...]:
    if isinstance(ids, str):
        return tuple(ids.split(" ")) if ids else ()
    return tuple(map(str, ids))
