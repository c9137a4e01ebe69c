"""Processes messages: all of an event (`batch`), each at most once (`once`), by gather, decide and
act (`removal`).

May import: clock, cloud, contract, decision, errors, intake, ledger, policy, policy_rules, report,
timing.
"""
