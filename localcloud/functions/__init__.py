"""Function Compute: what is deployed, its processes, and its invocations.

`registry` has what is deployed, `instances` its processes, `invocation_queue` the asynchronous
invocations, `platform` all of it together, `endpoint` and `management` its HTTP API, `runtime` what
runs inside a process, `fleet_function` the function that a fleet file names.
"""
