"""Says what came of a message: words for a person, a response for the caller, one audit line.

May import: decision, errors, timing.
"""
