"""Turns the bytes of an event into messages: `envelopes` unwraps them, `dialects` parses them.

May import: contract, decision, errors.
"""

from __future__ import annotations

from scalein.intake.dialects import ParsedMessage, parse_message
from scalein.intake.envelopes import Message, ParsedEvent, parse_event

__all__ = ["Message", "ParsedEvent", "ParsedMessage", "parse_event", "parse_message"]
