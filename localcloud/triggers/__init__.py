"""What invokes functions: queues and topics of MNS, timers, HTTP requests.

`registry` has the triggers, which functions/triggers.py stores; `stream` reads a queue in batches,
`timer` knows when a timer is due, `http_trigger` the form of HTTP events, `http_endpoint` serves
them, `runner` lets all happen, and `inspection` shows it.
"""
