"""Alibaba Cloud Auto Scaling (ESS) on this machine: the real wire, and the refusals of the real thing.

It states the ESS contract a second time, independently: nothing here is imported from `handler/`, nor the other way.

- `wire` speaks RPC: parameters, signatures, JSON and XML, error bodies.
- `ess` holds groups, instances and activities over time, and the rules.
- `fleet` reads the file that a cloud starts from; `faults` make it misbehave on request.
- `server` joins them behind one HTTP port; `python -m localcloud --help` starts it.
"""
