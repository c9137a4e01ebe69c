"""Turns the bytes of an event into messages: `envelopes` unwraps them, `dialects` parses them.

May import: contract, decision, errors.
"""
