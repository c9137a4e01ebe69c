"""The only package that knows senders: bytes come in, a removal request goes out.

`envelopes` knows how a message travels, `dialects` what it says.
"""

from __future__ import annotations

from scalein.intake.dialects import REMOVAL_REQUEST, removal_request
from scalein.intake.envelopes import Message, opened
from scalein.model import RemovalRequest

__all__ = ["REMOVAL_REQUEST", "Message", "opened", "read_request"]


def read_request(message: Message) -> RemovalRequest:
    """What the message asks for. Raises RejectedEvent."""
    return removal_request(message)
