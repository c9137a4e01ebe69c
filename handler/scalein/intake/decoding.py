"""Decodes bytes and texts: JSON, form encoding, Base64.

Senders label their bodies wrongly or not at all, so the text itself decides what it is.
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from scalein.errors import RejectedEvent
from scalein.intake.forms import form_of, is_form

MAX_EVENT_BYTES = 4 << 20  # unless SCALEIN_MAX_EVENT_BYTES says otherwise
MAX_VALUES = 300_000  # commas and opening brackets; a value costs up to 250 bytes of memory
MAX_DEPTH = 32
MAX_DIGITS = 400  # of a whole number
BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]+={0,2}\s*")
# Base64 of how JSON begins: of {", { and a line break, [{, [ and a line break, a space and {", a
# line break and {, and of a byte order mark.
BASE64_OF_JSON = ("ey", "ew", "W3", "Ww", "IHs", "Cns", "77u/")
# Fields of a form or query that may hold a whole message as JSON; `data` is CloudMonitor's (help
# page of event subscriptions, GET with JSON). Few others are beside it, such as a token.
WHOLE_MESSAGE_FIELDS = ("data", "body", "payload")
MAX_FIELDS_WITH_WHOLE = 3


class Decoded(NamedTuple):
    """The value that a body holds, and how it was encoded, for a person."""

    value: Any
    encodings: tuple[str, ...]  # outermost first


JSON_TEXT, FORM, BASE64_TEXT = ("JSON",), ("form",), ("Base64",)


def value_of(body: bytes | str, max_bytes: int = MAX_EVENT_BYTES, name: str = "event") -> Any:
    """Returns the value that `decode` returns. Raises RejectedEvent; `name`: what its sentence
    calls the body, if not empty.
    """
    try:
        return decode(body, max_bytes).value
    except RejectedEvent as error:
        raise placed(error, f"{name[:1].upper()}{name[1:]}") from None


def decode(body: bytes | str, max_bytes: int = MAX_EVENT_BYTES) -> Decoded:
    """Returns the value that a body holds: JSON, a form as an object, or Base64 of either. If the
    body is Base64 twice, returns the inner Base64 as text.

    Raises RejectedEvent if the body is too large or too deep, ambiguous, not UTF-8, or none of
    these. Memory stays in proportion to `max_bytes`: sizes and values are counted before anything
    is decoded.
    """
    text = _text(body, max_bytes)
    try:
        return Decoded(_json(text), JSON_TEXT)
    except json.JSONDecodeError as error:
        text = text.strip()
        if is_form(text):
            return Decoded(message_of_fields(form_of(text)), FORM)
        if BASE64.fullmatch(text):
            return _decode_base64_text(text, error)
        raise _not_json(error, text) from None


def message_of_fields(fields: Mapping[str, Any]) -> Any:
    """Returns the message that a form or a query holds: an object of its fields, those that are
    JSON texts as their values; or the value of a field that alone is JSON, if it has the whole
    message. Raises RejectedEvent if a JSON text cannot be borne. The caller bounds their size.
    """
    texts = {name: text for name, text in fields.items() if _may_be_json(text)}
    if not texts:
        return dict(fields)
    value_by_name = {}
    for name, text in texts.items():
        with suppress(json.JSONDecodeError):  # {userId=1}, or a name in brackets
            value_by_name[name] = _json(text)
    if len(value_by_name) == 1:
        ((name, value),) = value_by_name.items()
        is_alone = len(fields) == 1
        if is_alone or (name in WHOLE_MESSAGE_FIELDS and len(fields) <= MAX_FIELDS_WITH_WHOLE):
            return value
    return {**fields, **value_by_name}


def check_unicode(value: Any) -> None:
    """Raises RejectedEvent if a text holds half of a surrogate pair, which UTF-8 cannot write."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise malformed("utf-8", "A text is not Unicode: half of a pair is missing.") from None


def decode_base64(text: str) -> bytes:
    """Returns the bytes of a text that is labelled as Base64. Raises RejectedEvent if it is not."""
    try:
        return b64decode(text.encode("ascii").translate(None, b" \t\r\n"), validate=True)
    except ValueError:
        raise malformed("base64", "The Base64 is damaged or cut off.") from None


def malformed(rule: str, sentence: str, path: str = "$") -> RejectedEvent:
    """Returns the error of a message that cannot be read."""
    return RejectedEvent(path, rule, sentence)


def placed(error: RejectedEvent, place: str) -> RejectedEvent:
    """Returns the error with a sentence that begins with the place, if that is not empty."""
    sentence = str(error)
    if not place:
        return error
    if sentence[1:2].islower() or sentence[1:2] == " ":  # not of a name such as JSON
        sentence = f"{sentence[:1].lower()}{sentence[1:]}"
    return RejectedEvent(error.path, error.rule, f"{place}: {sentence}")


def _text(body: bytes | str, max_bytes: int) -> str:
    if len(body) > max_bytes:
        raise malformed(
            "maxBytes",
            f"It has {len(body)} bytes; the limit is {max_bytes} bytes (SCALEIN_MAX_EVENT_BYTES).",
        )
    if not body or body.isspace():
        raise malformed("json", "It is empty. Send a removal request as a JSON object.")
    if isinstance(body, str):
        return body
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise malformed("utf-8", f"Not UTF-8, byte {error.start} is invalid.") from None


def _json(text: str) -> Any:
    """The value of JSON text. Raises RejectedEvent; JSONDecodeError for text that is not JSON."""
    brackets = _checked_brackets(text)
    try:
        document = json.loads(
            text.removeprefix("\ufeff"),
            parse_int=_whole_number,
            parse_constant=_reject_constant,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise _too_deep() from None
    if brackets > MAX_DEPTH:
        _check_depth(document)
    return document


def _checked_brackets(text: str) -> int:
    """The number of opening brackets. Raises RejectedEvent if the text has too many values."""
    brackets = text.count("{") + text.count("[")
    if text.count(",") + brackets > MAX_VALUES:
        sentence = f"It has more than {MAX_VALUES} values. Split it into several."
        raise malformed("maxValues", sentence)
    return brackets


def _may_be_json(text: object) -> bool:
    return isinstance(text, str) and text.startswith(("{", "["))


def _not_json(error: json.JSONDecodeError, text: str) -> RejectedEvent:
    if text.startswith("<"):  # the default of MNS's pushes (help page "NotifyContentFormat")
        sentence = "XML, not JSON. Set NotifyContentFormat of an MNS subscription to JSON."
    else:
        sentence = f"Not JSON, line {error.lineno}, column {error.colno}."
    return malformed("json", sentence)


def _decode_base64_text(text: str, error: json.JSONDecodeError) -> Decoded:
    """The value of Base64 text. Raises RejectedEvent; `error` says why the text is not JSON.

    A word such as `hello` is Base64 too. So a text counts as Base64 only if it decodes to JSON or
    a form, or begins as Base64 of JSON does.
    """
    try:
        inner = decode_base64(text).decode("utf-8-sig").strip()
        if is_form(inner):
            return Decoded(message_of_fields(form_of(inner)), (*BASE64_TEXT, *FORM))
        if BASE64.fullmatch(inner):
            return Decoded(inner, BASE64_TEXT)
        return Decoded(_json(inner), (*BASE64_TEXT, *JSON_TEXT))
    except (ValueError, RejectedEvent) as inner_error:
        if not text.startswith(BASE64_OF_JSON):
            raise _not_json(error, text) from None
        if isinstance(inner_error, RejectedEvent):
            raise
        raise malformed(
            "base64", "The Base64 is cut off, or its content is neither JSON nor a form."
        ) from None


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


def _too_deep() -> RejectedEvent:
    return malformed("maxDepth", f"It is nested deeper than {MAX_DEPTH} levels.")


def _check_depth(document: Any) -> None:
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
    raise _too_deep()
