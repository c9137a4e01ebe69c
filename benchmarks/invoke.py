"""Makes one invocation in a new process, as Function Compute does: import, initialize, handler.

`python invoke.py EVENT_FILE`, with the handler on PYTHONPATH, and SCALEIN_* and ALIBABA_CLOUD_*
in the environment.
"""

import sys
from pathlib import Path
from types import SimpleNamespace

import index


def main() -> None:
    context = SimpleNamespace(
        region="cn-hangzhou", request_id="bench", function=SimpleNamespace(timeout=60)
    )
    index.initialize(context)
    print(index.handler(Path(sys.argv[1]).read_bytes(), context)["status"])


if __name__ == "__main__":
    main()
