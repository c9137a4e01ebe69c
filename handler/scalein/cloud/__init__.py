"""Calls Alibaba Cloud, and decides nothing: ESS, CloudMonitor and Function Compute.

May import: addresses, clock, cold_start, decision, errors, function_ref, settings, timing.
"""
