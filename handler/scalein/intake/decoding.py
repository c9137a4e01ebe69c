"""What bytes and texts hold: the only module that knows JSON, Base64 and form encoding.

Senders label their bodies wrongly or not at all, so what a text is, is seen from the text.
"""

import json
import re
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl

from scalein.errors import MalformedEvent

MAX_BYTES = 32 << 20  # of an event; Function Compute carries no more
MAX_DEPTH = 32
MAX_FORM_FIELDS = 200
FORM = re.compile(r"[A-Za-z][\w.-]*=[^&\s]*(&[A-Za-z][\w.-]*=[^&\s]*)+")  # a=1&b=2
BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]+={0,2}\s*")
BASE64_OF_JSON = ("ey", "ew", "W3", "Ww", "IHs", "Cns", "77u/")  # of {", { and a line, [{, [ and a line, " {", BOM


def value_of(body: bytes | str) -> Any:
    """The JSON value that a body holds: plain, form-encoded (an object of texts), or any of these in Base64; of what is
    Base64 twice, the inner one, as text.

    Raises MalformedEvent: too large, not UTF-8, none of these, ambiguous, too deep.
    """
    text = _text(body)
    try:
        return _json(text)
    except json.JSONDecodeError as error:
        if FORM.fullmatch(text.strip()):
            return _form(text.strip())
        if BASE64.fullmatch(text.strip()):
            return _of_base64(text.strip(), error)
        raise _not_json(error) from None


def unwrapped_base64(text: str) -> bytes:
    """What a sender says is Base64. Raises MalformedEvent."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise malformed("base64", "The Base64 is damaged or cut off.") from None


def malformed(rule: str, sentence: str, path: str = "$") -> MalformedEvent:
    return MalformedEvent(path, rule, sentence)


def _text(body: bytes | str) -> str:
    if len(body) > MAX_BYTES:
        raise malformed("maxBytes", f"The event has {len(body)} bytes; at most {MAX_BYTES} are read.")
    if not body.strip():
        raise malformed("json", "The event is empty. Send a removal request as a JSON object.")
    if isinstance(body, str):
        return body
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise malformed("utf-8", f"The event is not UTF-8: byte {error.start} does not belong.") from None


def _json(text: str) -> Any:
    """Raises MalformedEvent, and JSONDecodeError where it is not JSON at all."""
    try:
        document = json.loads(text.removeprefix("\ufeff"), parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python converts
        raise malformed("json", "The event has a number that is too long.") from None
    except RecursionError:
        raise malformed("maxDepth", f"The event is nested deeper than {MAX_DEPTH} levels.") from None
    _check_depth(document)
    return document


def _not_json(error: json.JSONDecodeError) -> MalformedEvent:
    return malformed("json", f"The event is not JSON: line {error.lineno}, column {error.colno}.")


def _of_base64(text: str, error: json.JSONDecodeError) -> Any:
    """A word like `hello` is Base64 too: only what decodes to JSON, or begins as JSON would, is taken for it."""
    try:
        inner = unwrapped_base64(text).decode("utf-8-sig")
        if FORM.fullmatch(inner):
            return _form(inner)
        return inner if BASE64.fullmatch(inner) else _json(inner)
    except (ValueError, MalformedEvent) as fault:
        if not text.startswith(BASE64_OF_JSON):
            raise _not_json(error) from None
        if isinstance(fault, MalformedEvent):
            raise
        raise malformed("base64", "The Base64 is cut off, or what it holds is neither JSON nor a form.") from None


def _form(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except UnicodeDecodeError:
        raise malformed("utf-8", "The form is not UTF-8.") from None
    except ValueError:
        raise malformed("maxFields", f"The form has more than {MAX_FORM_FIELDS} fields.") from None
    return _no_repeats(pairs)


def _no_constant(name: str) -> None:
    raise malformed("json", f"The event has {name}, which JSON does not know.")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise malformed("uniqueKeys", "The event has an object with the same key twice; it is not clear which holds.")
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
    raise malformed("maxDepth", f"The event is nested deeper than {MAX_DEPTH} levels.")
