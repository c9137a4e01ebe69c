"""Talks to Alibaba Cloud, and decides nothing: ESS, CloudMonitor and Function Compute behind small protocols.

May import: addresses, clock, cold_start, decision, errors, settings, timing.
"""
