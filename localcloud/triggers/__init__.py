"""What invokes functions: queues and topics of MNS, timers, HTTP requests.

`registry` has what is declared, `management` its HTTP API, `stream` how a queue is read in batches,
`timer` when a timer is due, `http_trigger` the form of HTTP events, `runner` lets it all happen.
"""
