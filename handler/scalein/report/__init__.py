"""Says what came of a message: wording for a person, response for the caller, one audit line for the log.

May import: decision, errors, timing.
"""
