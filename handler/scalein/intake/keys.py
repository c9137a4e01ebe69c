"""Idempotency keys: made of the kinds of a message's envelopes and of what the innermost one calls
the message, or of a hash of its content.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

REQUEST_ID = re.compile(r"[!-~]{1,128}")


def key_of(kinds: str, *parts: object) -> str:
    """Returns a key such as event.kafka-topic/7/5; "" if a part is missing.

    No other kinds and parts give the same key. It has at most 128 visible ASCII characters: if
    the parts do not allow that, it is a hash of them.
    """
    texts = [str(part) for part in parts if _is_key_part(part)]
    if not texts or len(texts) < len(parts):
        return ""
    key = f"{kinds}-{'/'.join(text.replace('%', '%25').replace('/', '%2F') for text in texts)}"
    return key if REQUEST_ID.fullmatch(key) else hashed_key(kinds, digest(kinds, *texts))


def hashed_key(kinds: str, content: Any) -> str:
    """Returns a key such as http:0a1b...: the last kind, and a hash of all kinds and the content.

    A key that is not hashed never has a colon after its kind.
    """
    if not isinstance(content, (str, bytes)):
        content = json.dumps(content, sort_keys=True)
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    hashed = sha256(f"{kinds}:".encode())
    hashed.update(content)
    return f"{kinds.rsplit('.', 1)[-1]}:{hashed.hexdigest()[:40]}"


def digest(*parts: str) -> str:
    """Returns 40 hexadecimal digits. The lengths of the parts are hashed too, so that no two lists
    of parts give the same text.
    """
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _is_key_part(part: object) -> bool:
    return part != "" and isinstance(part, (str, int)) and not isinstance(part, bool)
