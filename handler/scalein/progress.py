"""How far a message has come: the instances that it selected, its calls, and what is known of each call. Pure.

A removal is planned once and carried by id. The carried form is JSON text with a version, signed where it leaves this
process in an event, for an event can be sent by others.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from itertools import groupby
from typing import Any, NamedTuple

from scalein.errors import ContractViolation, MalformedEvent
from scalein.id_lists import joined_ids, numbers_of, ranges_of, split_ids
from scalein.model import MAX_INSTANCES_PER_CALL, Named, RemovalRequest
from scalein.request import document_of, request_of

VERSION = 4  # of the carried form
MICROSECOND = timedelta(microseconds=1)
PURPOSE = b"scalein-follow-up/2\n"  # what else the key may sign is never taken for this


class CallState(str, Enum):
    """What is known of a RemoveInstances call. A call that certainly did not happen is no longer listed."""

    UNCONFIRMED = "unconfirmed"  # recorded before it is made; ESS may have accepted it
    ACCEPTED = "accepted"  # ESS answered with a scaling activity
    FOREIGN = "foreign"  # another delivery used this token, with other instances; what it did is unknown


class Call(NamedTuple):
    """One RemoveInstances call, with one token of the message's sequence."""

    token_number: int
    instance_ids: tuple[str, ...]  # sorted, so that a repeated call is the same call
    intended_at: datetime  # no attempt of it was sent before this moment, by the earlier clock
    send_by: datetime  # no attempt of it is sent after this moment, by the later clock
    state: CallState = CallState.UNCONFIRMED
    activity_id: str = ""


class Progress(NamedTuple):
    """What was done for a message so far."""

    request: RemovalRequest
    begun_at: datetime  # when it was first claimed
    selected: tuple[str, ...] = ()  # bound by the first recorded intent: no others are ever added
    calls: tuple[Call, ...] = ()
    given_up: tuple[tuple[str, str], ...] = ()  # of the selected, by id: why it is not removed after all
    unaccounted: tuple[str, ...] = ()  # of the selected: no longer members, by no scaling activity of this message
    next_token: int = 0
    follow_ups: int = 0  # the number of the newest follow-up
    attempt: int = 0  # of that follow-up: how often it found message or group held
    idle: int = 0  # follow-ups in a row in which nothing happened
    ended: str = ""  # how an earlier step ended the message; this follow-up keeps others from it

    @property
    def key(self) -> str:
        """Names the message in the ledger, in tokens and in task ids."""
        return message_key(self.request)

    @property
    def called(self) -> tuple[str, ...]:
        """Instances in a call that was, or may have been, accepted."""
        return tuple(id for call in self.calls for id in call.instance_ids if call.state is not CallState.FOREIGN)

    @property
    def pending(self) -> tuple[str, ...]:
        """Selected, and not yet in a call."""
        out = {*self.called, *self.unaccounted, *(id for id, _ in self.given_up)}
        return tuple(id for id in self.selected if id not in out)

    @property
    def accepted(self) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.state is CallState.ACCEPTED)

    @property
    def doubtful(self) -> tuple[Call, ...]:
        """Calls of which it is not known whether ESS accepted them."""
        return tuple(call for call in self.calls if call.state is not CallState.ACCEPTED)

    @property
    def activity_ids(self) -> tuple[str, ...]:
        return tuple(call.activity_id for call in self.accepted)

    @property
    def accepted_ids(self) -> tuple[str, ...]:
        """In the order in which they were selected."""
        ids = {id for call in self.accepted for id in call.instance_ids}
        return tuple(id for id in self.selected if id in ids)

    def asks_for(self, ids: tuple[str, ...]) -> RemovalRequest:
        """The request to decide whether exactly these selected instances may be removed now."""
        named = Named(ids, chosen=not isinstance(self.request.ask, Named))
        whole = self.request.all_or_nothing and not self.calls
        earlier = frozenset(self.activity_ids + self.called)
        return self.request._replace(ask=named, all_or_nothing=whole, earlier=earlier)

    def intending(self, number: int | None, intended_at: datetime, send_by: datetime) -> Progress:
        """With the next calls intended: so many at most, or all."""
        ids, calls = self.pending, list[Call]()
        for start in range(0, len(ids), MAX_INSTANCES_PER_CALL):
            if number is not None and len(calls) == number:
                break
            chunk = tuple(sorted(ids[start : start + MAX_INSTANCES_PER_CALL]))
            calls.append(Call(self.next_token + len(calls), chunk, intended_at, send_by))
        return self._replace(calls=(*self.calls, *calls), next_token=self.next_token + len(calls))

    def updated(self, call: Call) -> Progress:
        """With what is known of this call now."""
        calls = tuple(call if known.token_number == call.token_number else known for known in self.calls)
        return self._replace(calls=calls, idle=0 if call.state is CallState.ACCEPTED else self.idle)

    def without(self, call: Call, token_is_free: bool) -> Progress:
        """The call did not happen: its instances are pending again."""
        calls = tuple(known for known in self.calls if known.token_number != call.token_number)
        after = {known.token_number for known in calls if known.token_number > call.token_number}
        number = self.next_token if after or not token_is_free else call.token_number
        return self._replace(calls=calls, next_token=number)

    def losing(self, ids: Iterable[str]) -> Progress:
        """These selected instances are gone, or on their way, by no call that is known here."""
        return self._replace(unaccounted=(*self.unaccounted, *ids))

    def giving_up(self, reason_by_id: Mapping[str, str]) -> Progress:
        """Those of the pending that may not be removed after all are given up."""
        found = tuple((id, reason_by_id[id]) for id in self.pending if id in reason_by_id)
        return self._replace(given_up=self.given_up + found)

    def followed(self) -> Progress:
        """As the next follow-up takes it up."""
        return self._replace(follow_ups=self.follow_ups + 1, attempt=0, idle=self.idle + 1)


def message_key(request: RemovalRequest) -> str:
    """64 hexadecimal digits. Parts are joined with their lengths, so that no text can stand for another's parts; a
    sender's own requestId is another name space than an identity derived from an envelope.
    """
    parts = ("derived" if request.derived_id else "sender", request.scaling_group_id, request.request_id)
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")).hexdigest()


def client_token(key: str, number: int = 0) -> str:
    """One of a message's fixed sequence. It depends on the message alone, never on the selected ids: after a first
    success a new snapshot yields other ids, and a token made of them would remove again. 64 ASCII characters (ESS).
    """
    return "scalein-" + sha256(f"{key}\n{number}".encode("ascii")).hexdigest()[:48]


class Sealed(NamedTuple):
    """A follow-up, as it came: whether this function signed it is still to be verified."""

    identity: str
    text: str
    signature: str


def text_of(progress: Progress) -> str:
    """JSON text. Each instance id is written once; elsewhere stands its position, for a follow-up
    with a thousand of them must fit where its answer goes too.
    """
    request, ask = progress.request, progress.request.ask
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
            "begunAt": progress.begun_at.isoformat(),
            "ids": joined_ids(ids),
            "selected": len(progress.selected),
            "calls": [
                [
                    call.token_number,
                    positions(call.instance_ids),
                    (call.intended_at - progress.begun_at) // MICROSECOND,
                    (call.send_by - progress.begun_at) // MICROSECOND,
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
            raise MalformedEvent("$.version", "version", "The progress record is of another version of this function.")
        return _progress(document)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise MalformedEvent("$", "progress", "The progress record cannot be read.") from error


def _progress(document: dict[str, Any]) -> Progress:
    ids, begun_at = split_ids(document["ids"]), datetime.fromisoformat(document["begunAt"])

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
        begun_at=begun_at,
        selected=ids[: int(document["selected"])],
        calls=tuple(
            Call(
                int(number),
                at(some),
                begun_at + int(intended) * MICROSECOND,
                begun_at + int(send_by) * MICROSECOND,
                CallState(state),
                str(activity_id),
            )
            for number, some, intended, send_by, state, activity_id in document["calls"]
        ),
        given_up=tuple((id, str(reason)) for reason, some in document["givenUp"] for id in at(some)),
        unaccounted=at(document["unaccounted"]),
        next_token=int(document["nextToken"]),
        follow_ups=int(document["followUps"]),
        attempt=int(document["attempt"]),
        idle=int(document["idle"]),
        ended=str(document["ended"]),
    )


def sealed(progress: Progress, key: str) -> bytes:
    """The event of a follow-up."""
    text = text_of(progress)
    return json.dumps({"followUp": text, "signature": _signature(text, key)}).encode()


def unsealed(sealed: Sealed, key: str) -> Progress:
    """Raises RejectedEvent for one that was not signed with this key."""
    own = _signature(sealed.text, key).encode()
    if not key or not hmac.compare_digest(own, sealed.signature.encode("utf-8", "surrogatepass")):
        raise ContractViolation("$.signature", "signature", "The follow-up was not signed by this function.")
    return progress_of(sealed.text)


def _signature(text: str, key: str) -> str:
    return hmac.new(key.encode(), PURPOSE + text.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
