"""Forms: a=1&b=2, percent-encoded or not.

The vendor's own sample of CloudMonitor's callback is not percent-encoded (help page "Use alert
callbacks"): it has spaces, braces and a lone percent sign. Such a form is taken as it is written.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from scalein.errors import RejectedEvent

MAX_FORM_FIELDS = 200
MAX_FORM_CHARACTERS = 256 << 10  # decoding a form costs 80 times as much memory
MIN_SPACED_FIELDS = 3  # of a form with spaces; prose has a=1&b=2 in it at times
FORM_FIELD = re.compile(r"[A-Za-z][\w.-]*=")
JSON_FIELD = re.compile(r"[A-Za-z][\w.-]*=(?:[{\[]|%7[Bb]|%5[Bb])")  # payload={...}
SPACE = re.compile(r"\s")
LINE_BREAK = re.compile(r"[^\S ]")  # and other spaces that no form has
LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")  # no encoder writes it, nor a space


def is_form(text: str) -> bool:
    """Whether the text is a form, or begins as one. Looks at no more fields than a form may have.

    Prose is none: a form begins with a name and an equals sign, and so does what follows each &.
    """
    if not FORM_FIELD.match(text):
        return False
    fields = text.split("&", MAX_FORM_FIELDS)
    if len(fields) == 1:
        return JSON_FIELD.match(text) is not None
    named = sum(map(bool, map(FORM_FIELD.match, fields)))
    if named == len(fields) and SPACE.search(text) is None:
        return True
    return named >= MIN_SPACED_FIELDS and LINE_BREAK.search(text) is None


def form_of(text: str) -> dict[str, str]:
    """Returns the fields of a form. Raises RejectedEvent if it is too large, ambiguous, not UTF-8,
    or has a field twice.
    """
    check_size(text.count("&") + 1, len(text))
    fields = text.split("&")
    if not all(map(FORM_FIELD.match, fields)):
        raise _fault(
            "form",
            "A value of the form has an & that is not percent-encoded, so its fields are"
            " ambiguous. Percent-encode the values, or take the & out of the alarm's name.",
        )
    if " " in text or LONE_PERCENT.search(text):
        decoded = [(name, value) for name, _, value in (f.partition("=") for f in fields)]
    else:
        try:
            decoded = parse_qsl(text, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise _fault("utf-8", "The form is not UTF-8.") from None
    value_by_name = dict(decoded)
    if len(value_by_name) < len(decoded):
        raise _fault("uniqueKeys", "A form has the same field twice, so its value is ambiguous.")
    return value_by_name


def check_size(fields: int, characters: int) -> None:
    """Raises RejectedEvent if a form or query of that size is too large."""
    if characters > MAX_FORM_CHARACTERS:
        raise _fault(
            "maxBytes",
            f"The form has {characters} characters; the limit is {MAX_FORM_CHARACTERS} characters.",
        )
    if fields > MAX_FORM_FIELDS:
        raise _fault("maxFields", f"The form has more than {MAX_FORM_FIELDS} fields.")


def _fault(rule: str, sentence: str) -> RejectedEvent:
    return RejectedEvent("$", rule, sentence)
