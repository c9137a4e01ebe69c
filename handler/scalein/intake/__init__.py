"""Turns the bytes of an event into messages: `envelopes` are unwrapped, `dialects` parsed.

May import: contract, decision, errors.
"""

from __future__ import annotations

from scalein.intake.dialects import Reading, read
from scalein.intake.envelopes import Mail, Message, Unreadable, opened

__all__ = ["Mail", "Message", "Reading", "Unreadable", "opened", "read"]
