"""Stores what was processed before, and what is being processed: in memory, or in Redis.

May import: clock, cold_start, errors, timing.
"""
