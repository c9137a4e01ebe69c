"""Turns the bytes of an event into messages: `envelopes` are unwrapped, `dialects` parsed.

May import: contract, decision, errors.
"""

from __future__ import annotations

from scalein.intake.dialects import ParsedMessage, read
from scalein.intake.envelopes import MalformedMessage, Message, ParsedEvent, parse_event

__all__ = ["MalformedMessage", "Message", "ParsedEvent", "ParsedMessage", "parse_event", "read"]
