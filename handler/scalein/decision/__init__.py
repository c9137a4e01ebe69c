"""Decides which instances may be removed, and has no effects: values in, values out.

No clock, environment, logger, network or random numbers. The time is part of a snapshot.

May import: errors.
"""
