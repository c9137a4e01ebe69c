"""Decodes bytes and texts: JSON, form encoding, Base64.

Senders label their bodies wrongly or not at all, so the text itself decides what it is.
"""

import json
import re
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl

from scalein.errors import RejectedEvent

MAX_EVENT_BYTES = 4 << 20  # unless SCALEIN_MAX_EVENT_BYTES says otherwise
MAX_VALUES = 300_000  # commas and opening brackets; a value costs up to 250 bytes of memory
MAX_DEPTH = 32
MAX_DIGITS = 400  # of a whole number
MAX_FORM_FIELDS = 200
MAX_FORM_CHARACTERS = 256 << 10  # decoding a form costs 80 times as much memory
FORM_FIELD = re.compile(r"[A-Za-z][\w.-]*=")
WHITESPACE = re.compile(r"\s")
BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]+={0,2}\s*")
# Base64 of how JSON begins: of {", { and a line break, [{, [ and a line break, a space and {", a
# line break and {, and of a byte order mark.
BASE64_OF_JSON = ("ey", "ew", "W3", "Ww", "IHs", "Cns", "77u/")


def value_of(body: bytes | str, max_bytes: int = MAX_EVENT_BYTES, name: str = "event") -> Any:
    """Returns the value that a body holds: JSON, a form as an object of texts, or Base64 of either.
    If the body is Base64 twice, returns the inner Base64 as text. `name`: what errors call it.

    Raises RejectedEvent if the body is too large or too deep, ambiguous, not UTF-8, or none of
    these. Memory stays in proportion to `max_bytes`: sizes and values are counted before anything
    is decoded.
    """
    text = _text(body, max_bytes, name)
    try:
        return _json(text, name)
    except json.JSONDecodeError as error:
        text = text.strip()
        if _is_form(text):
            return _form(text)
        if BASE64.fullmatch(text):
            return _value_of_base64(text, error, name)
        raise _not_json(error, name) from None


def check_unicode(value: Any) -> None:
    """Raises RejectedEvent if a text holds half of a surrogate pair, which UTF-8 cannot write."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise malformed(
            "utf-8",
            "A text of the message is not Unicode: it has half of a surrogate pair.",
        ) from None


def decode_base64(text: str) -> bytes:
    """Returns the bytes of a text that is labelled as Base64. Raises RejectedEvent if it is not."""
    try:
        return b64decode(text.encode("ascii").translate(None, b" \t\r\n"), validate=True)
    except ValueError:
        raise malformed("base64", "The Base64 is damaged or cut off.") from None


def malformed(rule: str, sentence: str, path: str = "$") -> RejectedEvent:
    """Returns the error of a message that cannot be read."""
    return RejectedEvent(path, rule, sentence)


def _text(body: bytes | str, max_bytes: int, name: str) -> str:
    if len(body) > max_bytes:
        raise malformed(
            "maxBytes",
            f"The {name} has {len(body)} bytes; the limit is {max_bytes} bytes"
            " (SCALEIN_MAX_EVENT_BYTES).",
        )
    if not body or body.isspace():
        raise malformed("json", f"The {name} is empty. Send a removal request as a JSON object.")
    if isinstance(body, str):
        return body
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise malformed(
            "utf-8", f"The {name} is not UTF-8: byte {error.start} is invalid."
        ) from None


def _json(text: str, name: str) -> Any:
    """The value of JSON text. Raises RejectedEvent; JSONDecodeError for text that is not JSON."""
    if text.count(",") + text.count("{") + text.count("[") > MAX_VALUES:
        raise malformed(
            "maxValues",
            f"The {name} has more than {MAX_VALUES} values. Split it into several.",
        )
    try:
        document = json.loads(
            text.removeprefix("\ufeff"),
            parse_int=_whole_number,
            parse_constant=_reject_constant,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise _too_deep(name) from None
    _check_depth(document, name)
    return document


def _not_json(error: json.JSONDecodeError, name: str) -> RejectedEvent:
    place = f"line {error.lineno}, column {error.colno}"
    fix = "it" if name == "policy" else "the sender"
    return malformed("json", f"The {name} is not JSON: syntax error at {place}. Fix {fix}.")


def _value_of_base64(text: str, error: json.JSONDecodeError, name: str) -> Any:
    """The value of Base64 text. Raises RejectedEvent; `error` says why the text is not JSON.

    A word such as `hello` is Base64 too. So a text counts as Base64 only if it decodes to JSON or
    a form, or begins as Base64 of JSON does.
    """
    try:
        inner = decode_base64(text).decode("utf-8-sig")
        if _is_form(inner):
            return _form(inner)
        return inner if BASE64.fullmatch(inner) else _json(inner, name)
    except (ValueError, RejectedEvent) as inner_error:
        if not text.startswith(BASE64_OF_JSON):
            raise _not_json(error, name) from None
        if isinstance(inner_error, RejectedEvent):
            raise
        raise malformed(
            "base64", "The Base64 is cut off, or its content is neither JSON nor a form."
        ) from None


def _is_form(text: str) -> bool:
    """Whether the text is a form, such as a=1&b=2. Looks at no more fields than a form may have."""
    fields = text.split("&", MAX_FORM_FIELDS)
    return (
        len(fields) > 1 and all(map(FORM_FIELD.match, fields)) and WHITESPACE.search(text) is None
    )


def _form(text: str) -> dict[str, str]:
    if len(text) > MAX_FORM_CHARACTERS:
        raise malformed(
            "maxBytes",
            f"The form has {len(text)} characters; the limit is {MAX_FORM_CHARACTERS} characters.",
        )
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
        )
    except UnicodeDecodeError:
        raise malformed("utf-8", "The form is not UTF-8.") from None
    except ValueError:
        raise malformed("maxFields", f"The form has more than {MAX_FORM_FIELDS} fields.") from None
    return _object(pairs)


def _whole_number(digits: str) -> int:
    """The integer. Raises RejectedEvent: the time to convert digits grows with their square."""
    if len(digits) > MAX_DIGITS:
        raise malformed("json", f"A number has more than {MAX_DIGITS} digits.")
    return int(digits)


def _reject_constant(name: str) -> None:
    raise malformed("json", f"The value {name} is not JSON.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise malformed(
            "uniqueKeys",
            "An object has the same key twice, so its value is ambiguous.",
        )
    return fields


def _too_deep(name: str) -> RejectedEvent:
    return malformed("maxDepth", f"The {name} is nested deeper than {MAX_DEPTH} levels.")


def _check_depth(document: Any, name: str) -> None:
    """Raises RejectedEvent for a value that is nested too deep for validators, which recurse.

    Goes level by level, without recursion itself.
    """
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
    raise _too_deep(name)
