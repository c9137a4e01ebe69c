"""Alibaba Cloud Auto Scaling (ESS) on this machine: the real wire, and the real refusals.

It states the ESS contract a second time, independently: nothing here is imported from `handler/`,
nor the other way. One folder a service: `ess`, `monitor`, `functions`, `logs`, `queues`, and
`console` for a person. Beside them:

- `wire` has requests and parameters, `authenticator` checks both signatures (`signature_v1`,
  `acs3`), `answers` and `errors` make JSON and XML.
- `fleet` reads the file that a cloud starts from, `state` saves everything, `clock` can be driven.
- `faults` make it misbehave on request: `answer_faults`, `garble`, and `lag` for late reads;
  `action_names` says which actions there are.
- `cloud` performs a call, `server` joins all behind one HTTP port, of which `host_check` keeps web
  pages away; `python -m localcloud --help` starts it."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from typing import Any


def mocked(fleet: Any = None, **options: Any) -> AbstractContextManager[Any]:
    """Returns a local cloud that stands for Alibaba Cloud in this process: `with mocked():`.

    `localcloud.in_process.mocked` has the options, and what the block is given.
    """
    # By name: every module imports this package, which would be a cycle.
    module = importlib.import_module("localcloud.in_process")
    context: AbstractContextManager[Any] = module.mocked(fleet, **options)
    return context
