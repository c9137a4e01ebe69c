"""How a message travels: the only module that knows envelopes. For now the event is the message (direct invoke)."""

import json
from hashlib import sha256
from typing import Any, NamedTuple

from scalein.errors import MalformedEvent

MAX_BYTES = 1 << 20  # a request with 1,000 ids is below 100 KB; the platform would carry 32 MB
MAX_DEPTH = 32


class Message(NamedTuple):
    """What somebody sent, and a name for it that a redelivery of the same message shares."""

    identity: str
    body: bytes


def opened(event: bytes) -> Message:
    """The message of a directly invoked function, named by the hash of its bytes."""
    return Message(identity=f"event-{sha256(event).hexdigest()[:40]}", body=event)


def decoded(body: bytes) -> Any:
    """The JSON in `body`. Raises MalformedEvent: too large, not UTF-8, not JSON, ambiguous, too deep."""
    if len(body) > MAX_BYTES:
        raise _malformed("maxBytes", f"The event has {len(body)} bytes; at most {MAX_BYTES} are read.")
    if not body.strip():
        raise _malformed("json", "The event is empty. Send a removal request as a JSON object.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _malformed("utf-8", f"The event is not UTF-8: byte {error.start} does not belong.") from None
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as error:
        raise _malformed("json", f"The event is not JSON: line {error.lineno}, column {error.colno}.") from None
    except ValueError:  # an integer of more digits than Python converts
        raise _malformed("json", "The event has a number that is too long.") from None
    except RecursionError:
        raise _malformed("maxDepth", f"The event is nested deeper than {MAX_DEPTH} levels.") from None
    _check_depth(document)
    return document


def _malformed(rule: str, sentence: str) -> MalformedEvent:
    return MalformedEvent("$", rule, sentence)


def _no_constant(name: str) -> None:
    raise _malformed("json", f"The event has {name}, which JSON does not know.")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _malformed("uniqueKeys", "The event has an object with the same key twice; it is not clear which holds.")
    return fields


def _check_depth(document: Any) -> None:
    """Level by level, without recursion, so that no validator behind has to recurse deeper."""
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    raise _malformed("maxDepth", f"The event is nested deeper than {MAX_DEPTH} levels.")
