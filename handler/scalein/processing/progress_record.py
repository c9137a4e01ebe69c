"""The form in which a message's progress is recorded and carried: JSON text with a version. Pure.

It is signed where it leaves this process in an event, for an event can be sent by others.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any

from scalein.decision.model import Named
from scalein.decision.progress import Call, CallState, Progress
from scalein.errors import ContractViolation, MalformedEvent
from scalein.intake.dialects import SignedFollowUp
from scalein.intake.removal_request import document_of, request_of
from scalein.processing.id_lists import joined_ids, numbers_of, ranges_of, split_ids

VERSION = 4
MICROSECOND = timedelta(microseconds=1)
PURPOSE = b"scalein-follow-up/2\n"  # what else the key may sign is never taken for this


def text_of(progress: Progress) -> str:
    """JSON text. Each instance id is written once; elsewhere stands its position, for a follow-up
    with a thousand of them must fit where its answer goes too.
    """
    request, ask = progress.request, progress.request.target
    requested = ask.instance_ids if isinstance(ask, Named) else ()
    others = [*progress.unaccounted, *(id for id, _ in progress.given_up)]
    called = [id for call in progress.calls for id in call.instance_ids]
    ids = tuple(dict.fromkeys((*progress.selected, *requested, *called, *others)))
    position = {id: number for number, id in enumerate(ids)}

    def positions(some: Iterable[str]) -> str:
        return ranges_of([position[id] for id in some])

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
            "ids": joined_ids(ids),
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
        },
        separators=(",", ":"),
    )


def progress_of(text: str) -> Progress:
    """Raises MalformedEvent: a record of another version, or none at all."""
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise MalformedEvent(
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
        raise MalformedEvent("$", "progress", "The progress record cannot be read.") from error


def _progress(document: dict[str, Any]) -> Progress:
    ids, first_claimed_at = split_ids(document["ids"]), datetime.fromisoformat(document["begunAt"])

    def at(positions: str) -> tuple[str, ...]:
        return tuple(ids[number] for number in numbers_of(positions, len(ids)))

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
    )


def sign_follow_up(progress: Progress, key: str) -> bytes:
    """The event of a follow-up."""
    text = text_of(progress)
    return json.dumps({"followUp": text, "signature": _signature(text, key)}).encode()


def verify_follow_up(sign_follow_up: SignedFollowUp, key: str) -> Progress:
    """Raises RejectedEvent for one that was not signed with this key."""
    own = _signature(sign_follow_up.text, key).encode()
    if not key or not hmac.compare_digest(
        own, sign_follow_up.signature.encode("utf-8", "surrogatepass")
    ):
        raise ContractViolation(
            "$.signature", "signature", "The follow-up was not signed by this function."
        )
    return progress_of(sign_follow_up.text)


def _signature(text: str, key: str) -> str:
    return hmac.new(
        key.encode(), PURPOSE + text.encode("utf-8", "surrogatepass"), sha256
    ).hexdigest()


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
