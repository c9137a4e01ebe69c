"""Function Compute: `registry` (what is deployed), `instances` (its processes), `queue` (asynchronous invocations),
`platform` (all of it), `endpoint` and `management` (over HTTP), `runtime` (inside a process).
"""
