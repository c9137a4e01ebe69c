"""The only package that knows senders: bytes come in, what their messages say goes out.

`envelopes` knows how a message travels, `dialects` what it says, `decoding` what bytes and texts hold.
"""

from __future__ import annotations

from scalein.intake.dialects import Reading, read
from scalein.intake.envelopes import Mail, Message, Unreadable, opened

__all__ = ["Mail", "Message", "Reading", "Unreadable", "opened", "read"]
