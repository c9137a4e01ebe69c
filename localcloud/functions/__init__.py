"""Function Compute: what is deployed, its processes, and its invocations.

`registry` has what is deployed, `instances` and `processes` what runs it, `invocation_queue` the
asynchronous invocations, `platform` all of it together. `endpoint` is the HTTP API: `invocations`,
`management` of 2.0, `native_management` of 3.0, `triggers`, `tags`, `tasks`, and `account_reads`,
with `answers` and `routing` for all of these. `runtime` runs inside a process, `fleet_function` is
the function that a fleet file names.
"""
