"""Time of reading a policy file again at each invocation, which a mount needs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.timing import measure
from scalein.policy_source import PolicyFile
from scalein_cli.local import EXAMPLE_POLICY

POLICY_BYTES = 10_000


def warm_read_seconds(repeats: int) -> list[float]:
    """The seconds that each read of an unchanged policy of 10 kB takes, compared by content."""
    document = json.loads(EXAMPLE_POLICY.read_bytes())
    while len(json.dumps(document)) < POLICY_BYTES:
        document["groups"][f"asg-bp1benchmark{len(document['groups']):08}"] = {
            "floor": 4,
            "cooldownSeconds": 600,
            "comment": "one of the groups that fill the document",
        }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        file = PolicyFile(str(path))
        file.policy_in_use()
        return measure(file.policy_in_use, repeats)
