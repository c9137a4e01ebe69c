"""What bytes and texts hold: the only module that knows JSON, Base64 and form encoding.

Senders label their bodies wrongly or not at all, so what a text is, is seen from the text.
"""

import json
import re
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl

from scalein.errors import MalformedEvent

MAX_EVENT_BYTES = 4 << 20  # unless SCALEIN_MAX_EVENT_BYTES says otherwise
MAX_VALUES = 300_000  # commas and opening brackets; a value costs up to 250 bytes of memory
MAX_DEPTH = 32
MAX_DIGITS = 400  # of a whole number
MAX_FORM_FIELDS = 200
MAX_FORM_CHARACTERS = 256 << 10  # decoding one costs 80 times as much memory
FORM_FIELD = re.compile(r"[A-Za-z][\w.-]*=")
WHITESPACE = re.compile(r"\s")
BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]+={0,2}\s*")
BASE64_OF_JSON = (
    "ey",
    "ew",
    "W3",
    "Ww",
    "IHs",
    "Cns",
    "77u/",
)  # of {", { and a line, [{, [ and a line, " {", BOM


def value_of(body: bytes | str, max_bytes: int = MAX_EVENT_BYTES) -> Any:
    """The JSON value that a body holds: plain, form-encoded (an object of texts), or any of these
    in Base64; of what is Base64 twice, the inner one, as text.

    Raises MalformedEvent: too large, not UTF-8, none of these, ambiguous, too deep. Memory stays
    in proportion to `max_bytes`: sizes and values are counted before anything is decoded.
    """
    text = _text(body, max_bytes)
    try:
        return _json(text)
    except json.JSONDecodeError as error:
        text = text.strip()
        if _is_form(text):
            return _form(text)
        if BASE64.fullmatch(text):
            return _of_base64(text, error)
        raise _not_json(error) from None


def check_unicode(value: Any) -> None:
    """Raises MalformedEvent where a text holds half of a surrogate pair: UTF-8 cannot write it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise malformed(
            "utf-8", "The message has a text that is not Unicode: half of a surrogate pair."
        ) from None


def unwrapped_base64(text: str) -> bytes:
    """What a sender says is Base64. Raises MalformedEvent."""
    try:
        return b64decode(text.encode("ascii").translate(None, b" \t\r\n"), validate=True)
    except ValueError:
        raise malformed("base64", "The Base64 is damaged or cut off.") from None


def malformed(rule: str, sentence: str, path: str = "$") -> MalformedEvent:
    return MalformedEvent(path, rule, sentence)


def _text(body: bytes | str, max_bytes: int) -> str:
    if len(body) > max_bytes:
        raise malformed(
            "maxBytes", f"The event has {len(body)} bytes; at most {max_bytes} are read."
        )
    if not body or body.isspace():
        raise malformed("json", "The event is empty. Send a removal request as a JSON object.")
    if isinstance(body, str):
        return body
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise malformed(
            "utf-8", f"The event is not UTF-8: byte {error.start} does not belong."
        ) from None


def _json(text: str) -> Any:
    """Raises MalformedEvent, and JSONDecodeError where it is not JSON at all."""
    if text.count(",") + text.count("{") + text.count("[") > MAX_VALUES:
        raise malformed(
            "maxValues", f"The event has more than {MAX_VALUES} values: send it in parts."
        )
    try:
        document = json.loads(
            text.removeprefix("\ufeff"),
            parse_int=_whole,
            parse_constant=_no_constant,
            object_pairs_hook=_no_repeats,
        )
    except RecursionError:
        raise malformed(
            "maxDepth", f"The event is nested deeper than {MAX_DEPTH} levels."
        ) from None
    _check_depth(document)
    return document


def _not_json(error: json.JSONDecodeError) -> MalformedEvent:
    return malformed("json", f"The event is not JSON: line {error.lineno}, column {error.colno}.")


def _of_base64(text: str, error: json.JSONDecodeError) -> Any:
    """A word like `hello` is Base64 too: only what decodes to JSON, or begins as JSON would, is taken for it."""
    try:
        inner = unwrapped_base64(text).decode("utf-8-sig")
        if _is_form(inner):
            return _form(inner)
        return inner if BASE64.fullmatch(inner) else _json(inner)
    except (ValueError, MalformedEvent) as fault:
        if not text.startswith(BASE64_OF_JSON):
            raise _not_json(error) from None
        if isinstance(fault, MalformedEvent):
            raise
        raise malformed(
            "base64", "The Base64 is cut off, or what it holds is neither JSON nor a form."
        ) from None


def _is_form(text: str) -> bool:
    """Such as a=1&b=2. Field by field, and no further than a form may go."""
    fields = text.split("&", MAX_FORM_FIELDS)
    return (
        len(fields) > 1 and all(map(FORM_FIELD.match, fields)) and WHITESPACE.search(text) is None
    )


def _form(text: str) -> dict[str, str]:
    if len(text) > MAX_FORM_CHARACTERS:
        raise malformed(
            "maxBytes",
            f"The form has {len(text)} characters; at most {MAX_FORM_CHARACTERS} are read.",
        )
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
        )
    except UnicodeDecodeError:
        raise malformed("utf-8", "The form is not UTF-8.") from None
    except ValueError:
        raise malformed("maxFields", f"The form has more than {MAX_FORM_FIELDS} fields.") from None
    return _no_repeats(pairs)


def _whole(digits: str) -> int:
    """Converting takes the square of the number of digits."""
    if len(digits) > MAX_DIGITS:
        raise malformed("json", f"The event has a number of more than {MAX_DIGITS} digits.")
    return int(digits)


def _no_constant(name: str) -> None:
    raise malformed("json", f"The event has {name}, which JSON does not know.")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise malformed(
            "uniqueKeys",
            "The event has an object with the same key twice; it is not clear which holds.",
        )
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
