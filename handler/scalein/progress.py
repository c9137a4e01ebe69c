"""The only module that knows how far a message has come, and the form in which that travels between invocations.

A removal is planned once; who was chosen is carried by id. What became of it ESS tells. The carried form is JSON text,
signed where it leaves this process in an event, for an event can be sent by others. Pure.
"""

from __future__ import annotations

import hmac
import json
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from scalein.errors import ContractViolation
from scalein.model import MAX_INSTANCES_PER_CALL, Named, RemovalRequest
from scalein.request import document_of, request_of

PURPOSE = b"scalein-follow-up/1\n"  # what else the key may sign is never taken for this


class Call(NamedTuple):
    """One RemoveInstances call: the ids that it told to leave, with which token of the message's sequence."""

    token_number: int
    instance_ids: tuple[str, ...]
    activity_id: str | None = None  # None: nobody knows whether ESS took it; empty: whatever became of it is over


class Progress(NamedTuple):
    """What was done for a message so far."""

    request: RemovalRequest
    begun_at: datetime  # when it was first served
    chosen: tuple[str, ...] = ()  # by the plan that is being carried out
    calls: tuple[Call, ...] = ()
    given_up: tuple[tuple[str, str], ...] = ()  # of the chosen, by id: why it stays after all
    next_token: int = 0
    follow_ups: int = 0  # asked for so far
    waits: int = 0  # of these, since anything last happened

    @property
    def message(self) -> str:
        """Its key in a ledger, for all invocations."""
        return f"{self.request.scaling_group_id}:{self.request.request_id}"

    @property
    def key(self) -> str:
        """Its key in a ledger for this step of it."""
        return f"{self.message}#{self.follow_ups}" if self.follow_ups else self.message

    @property
    def told(self) -> tuple[str, ...]:
        """To leave, or perhaps told."""
        return tuple(id for call in self.calls for id in call.instance_ids)

    @property
    def rest(self) -> tuple[str, ...]:
        """Chosen, and neither told nor given up."""
        settled = {*self.told, *(id for id, _ in self.given_up)}
        return tuple(id for id in self.chosen if id not in settled)

    @property
    def activity_ids(self) -> tuple[str, ...]:
        return tuple(call.activity_id for call in self.calls if call.activity_id)

    @property
    def unanswered(self) -> Call | None:
        return self.calls[-1] if self.calls and self.calls[-1].activity_id is None else None

    @property
    def question(self) -> RemovalRequest:
        """What is still to be decided: the request; once somebody was chosen, whether the rest may leave now."""
        if not self.chosen:
            return self.request
        rest = Named(self.rest, chosen=not isinstance(self.request.ask, Named))
        earlier = frozenset(self.activity_ids + self.told)
        return self.request._replace(ask=rest, all_or_nothing=False, earlier=earlier)

    def telling(self) -> Progress:
        """About to tell the next twenty."""
        call = Call(self.next_token, self.rest[:MAX_INSTANCES_PER_CALL])
        return self._replace(calls=(*self.calls, call), next_token=self.next_token + 1)

    def accepted(self, activity_id: str) -> Progress:
        call = self.calls[-1]._replace(activity_id=activity_id)
        return self._replace(calls=(*self.calls[:-1], call), waits=0)

    def untold(self, staying: frozenset[str] | None = None) -> Progress:
        """The last call did not happen: its ids are to be told, with its token. Or only those of them that stay."""
        call = self.calls[-1]
        gone = tuple(id for id in call.instance_ids if staying is not None and id not in staying)
        kept = (call._replace(instance_ids=gone, activity_id=""),) if gone else ()
        return self._replace(calls=(*self.calls[:-1], *kept), next_token=call.token_number)

    def without(self, reasons: dict[str, str]) -> Progress:
        """Those of the rest that may not leave after all are given up."""
        found = tuple((id, reasons[id]) for id in self.rest if id in reasons)
        return self._replace(given_up=self.given_up + found)

    def carried(self) -> Progress:
        """As the next invocation takes it up."""
        return self._replace(follow_ups=self.follow_ups + 1, waits=self.waits + 1)


class Sealed(NamedTuple):
    """A follow-up, as it came: whether this function sealed it is still to be seen."""

    identity: str
    text: str
    signature: str


def text_of(progress: Progress) -> str:
    request = progress.request
    return json.dumps(
        {
            "request": document_of(request),
            "sentAt": request.sent_at and request.sent_at.isoformat(),
            "notAfter": request.not_after and request.not_after.isoformat(),
            "begunAt": progress.begun_at.isoformat(),
            "chosen": progress.chosen,
            "calls": progress.calls,
            "givenUp": progress.given_up,
            "nextToken": progress.next_token,
            "followUps": progress.follow_ups,
            "waits": progress.waits,
        }
    )


def progress_of(text: str) -> Progress:
    told = json.loads(text)
    request = request_of(told["request"], "", _time(told["sentAt"]))
    return Progress(
        request=request._replace(not_after=_time(told["notAfter"])),
        begun_at=datetime.fromisoformat(told["begunAt"]),
        chosen=tuple(told["chosen"]),
        calls=tuple(Call(number, tuple(ids), activity_id) for number, ids, activity_id in told["calls"]),
        given_up=tuple((id, why) for id, why in told["givenUp"]),
        next_token=told["nextToken"],
        follow_ups=told["followUps"],
        waits=told["waits"],
    )


def sealed(progress: Progress, key: str) -> bytes:
    """The event of a follow-up."""
    text = text_of(progress)
    return json.dumps({"followUp": text, "signature": _signature(text, key)}).encode()


def unsealed(sealed: Sealed, key: str) -> Progress:
    """Raises RejectedEvent for one that was not sealed with this key."""
    if not key or not hmac.compare_digest(_signature(sealed.text, key), sealed.signature):
        raise ContractViolation("$.signature", "signature", "The follow-up was not sealed by this function.")
    return progress_of(sealed.text)


def _signature(text: str, key: str) -> str:
    return hmac.new(key.encode(), PURPOSE + text.encode(), sha256).hexdigest()


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
