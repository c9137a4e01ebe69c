"""Decides which instances may be removed, and touches nothing: values in, values out. No clock, no environment, no logger, no network, no chance.

May import: errors.
"""
