"""The function of this checkout in this process: its outcomes, audit lines, and groups."""

from __future__ import annotations

import importlib.util
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from types import ModuleType
from typing import Any

from scalein.clock import Deadline, SystemClock
from scalein.decision.model import Snapshot
from scalein.errors import GatewayError
from scalein.policy import read_policy
from scalein.settings import read_settings
from scalein_cli.resources import resource

READ_SECONDS = 20  # for the snapshots of all groups


def function_code() -> ModuleType:
    """A new module of handler/index.py, as Function Compute imports it."""
    spec = importlib.util.spec_from_file_location("index", resource("handler/index.py"))
    if spec is None or spec.loader is None:
        raise ImportError("handler/index.py is not a module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcomes_of(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The outcomes of a response to one message, to a batch or to an HTTP request."""
    if "statusCode" in response:
        return outcomes_of(json.loads(response["body"]))
    return list(response["outcomes"]) if "outcomes" in response else [dict(response)]


@contextmanager
def audit_lines() -> Iterator[list[str]]:
    """Collects the audit lines that the function writes to standard output within the block.

    Whatever else is printed meanwhile is collected too: print nothing in the block.
    """
    lines: list[str] = []
    output = io.StringIO()
    with redirect_stdout(output):
        try:
            yield lines
        finally:
            lines += output.getvalue().splitlines()


def snapshots(function_context: object) -> dict[str, Snapshot]:
    """A snapshot by id of each group of the policy that ESS has."""
    from scalein.cloud.ess import EssGateway

    settings = read_settings(os.environ, function_context)
    gateway = EssGateway(settings, Deadline.after(READ_SECONDS, SystemClock()))
    snapshot_by_group_id = {}
    for group_id in read_policy(settings.policy_text, settings.policy_file).groups:
        with suppress(GatewayError):  # the outcome says why the group cannot be read
            snapshot_by_group_id[group_id] = gateway.snapshot(group_id)
    return snapshot_by_group_id
