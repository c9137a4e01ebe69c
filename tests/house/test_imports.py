"""The house rules that imports keep: which room may import which, and what a cold start loads."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.import_graphs import cycle_in, imports_by_module, modules_in

ROOT = Path(__file__).parents[2]
HANDLER, LOCALCLOUD = ROOT / "handler", ROOT / "localcloud"
EFFECTS = {
    "os",
    "time",
    "random",
    "logging",
    "socket",
    "threading",
    "subprocess",
    "urllib",
    "concurrent",
    "pathlib",
}


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or later."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return names


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", sorted(HANDLER.rglob("*.py")), ids=str)
def test_the_deployed_package_reaches_for_nothing_outside_it(path: Path) -> None:
    deployed = {
        "scalein",
        "jsonschema",
        "aliyunsdkcore",
        "aliyunsdkess",
        "fc2",
        "redis",
        "requests",
    }
    deployed |= {"urllib3", "__future__"}

    assert roots(path) - set(sys.stdlib_module_names) <= deployed


@pytest.mark.parametrize("path", sorted(LOCALCLOUD.rglob("*.py")), ids=str)
def test_the_local_cloud_borrows_nothing_from_the_handler(path: Path) -> None:
    assert roots(path).isdisjoint({"scalein", "index", "scalein_cli"})


def test_the_deployed_package_has_no_import_cycles() -> None:
    assert cycle_in(imports_by_module(modules_in(HANDLER, "scalein"))) == []


PACKAGE = HANDLER / "scalein"
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
RULE = re.compile(r"May import: ([a-z_, ]+)\.")


def allowed_by(room: Path) -> set[str]:
    """What the docstring of a room says that it may import, besides itself."""
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    found = RULE.search(" ".join((docstring or "").split()))
    assert found, f"{room.name}/__init__.py does not say what it may import"
    return {name.strip() for name in found[1].split(",")}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_imports_only_what_its_docstring_allows(room: Path) -> None:
    paths = sorted(room.rglob("*.py"))
    names = {name for path in paths for name in imported(path) if name.startswith("scalein.")}

    assert {name.split(".")[1] for name in names} - {room.name} <= allowed_by(room)


@pytest.mark.parametrize("path", sorted((PACKAGE / "decision").glob("*.py")), ids=lambda p: p.name)
def test_the_decision_touches_nothing(path: Path) -> None:
    assert roots(path).isdisjoint(EFFECTS)


@pytest.mark.parametrize(
    ("library", "keepers"),
    [
        ("aliyunsdkcore", {"native_function.py", "sdk.py"}),
        ("http", {"transport.py"}),
        ("aliyunsdkess", {"ess_requests.py"}),
        ("fc2", {"function_compute.py"}),
        ("redis", {"redis_node.py"}),
        ("jsonschema", {"contract.py"}),
        ("os", {"index.py", "wiring.py"}),
        ("logging", {"function_compute.py", "index.py", "sdk.py"}),
        ("time", {"clock.py"}),
        ("base64", {"decoding.py"}),
        ("pathlib", {"contract.py", "function_compute.py", "settings.py", "tls.py"}),
        ("ssl", {"tls.py", "transport.py"}),
    ],
)
def test_each_outside_thing_is_known_to_its_module_alone(library: str, keepers: set[str]) -> None:
    assert {path.name for path in HANDLER.rglob("*.py") if library in roots(path)} == keepers


@pytest.mark.parametrize(
    "path",
    sorted(p for p in HANDLER.rglob("*.py") if p.parent.name != "cloud"),
    ids=lambda path: str(path.relative_to(HANDLER)),
)
def test_no_room_but_the_cloud_loads_the_sdk_at_its_top(path: Path) -> None:
    """An event that is rejected pays for no SDK."""
    top = ast.parse(path.read_text(encoding="utf-8")).body
    modules = {str(node.module) for node in top if isinstance(node, ast.ImportFrom)}
    adapters = ("ess", "sdk", "metrics", "function_compute", "native_function")
    late = ("aliyunsdk", "fc2", *(f"scalein.cloud.{name}" for name in adapters))

    assert not any(name.startswith(late) for name in modules)


def modules_after(program: str) -> set[str]:
    script = f"import sys\n{program}\nimport json; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", script]
    environment = {
        "PYTHONPATH": str(HANDLER),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "x",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x",
        "SCALEIN_POLICY": '{"groups": {"asg-1": {}}}',
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


REJECTED = """
import index
from types import SimpleNamespace
context = SimpleNamespace(region="cn-hangzhou", request_id="r")
index.initialize(context)
assert index.handler(b'{"scalingGroupId": 1}', context)["status"] == "rejected"
"""


# What a rejected event loads of the package, by room: all of a room that is named without modules.
LOADED_OF_ROOMS = {
    "cloud": {"gateway"},
    "decision": None,
    "intake": None,
    "ledger": {"fallback", "memory", "protocol"},
    "processing": None,
    "report": None,
}
NOT_LOADED = {
    "processing.custom_policy",
    "processing.id_lists",
    "report.explanations",
    "report.status_texts",
    "report.texts",
}
MAX_OTHER_MODULES = 20  # of the standard library, beyond what json and jsonschema load; 12 today


def test_a_rejected_event_loads_an_exact_set_of_modules_and_no_sdk() -> None:
    """In a fresh interpreter: milliseconds vary, modules do not."""
    loaded = modules_after(REJECTED) - modules_after("import json, jsonschema")
    own = {name for name in loaded if name.partition(".")[0] in ("index", "scalein")}
    others = loaded - own
    expected = {"index", "scalein"} | {f"scalein.{path.stem}" for path in modules_of(PACKAGE)}
    for room, names in LOADED_OF_ROOMS.items():
        modules = {path.stem for path in modules_of(PACKAGE / room)} if names is None else names
        expected |= {f"scalein.{room}"} | {f"scalein.{room}.{name}" for name in modules}

    assert own == expected - {f"scalein.{name}" for name in NOT_LOADED}
    assert len(others) <= MAX_OTHER_MODULES, sorted(others)
    assert not any(name.startswith(("aliyunsdk", "cryptography", "jmespath")) for name in others)


def modules_of(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.py") if path.stem != "__init__"]


def test_the_sdk_loads_without_cryptography_which_still_comes_when_it_is_touched() -> None:
    loaded = modules_after("import scalein.cloud.ess")
    touched = modules_after(
        "import scalein.cloud.ess\nfrom aliyunsdkcore.auth.algorithm import sha_hmac256\n"
        "assert sha_hmac256.get_signer_name() == 'SHA256withRSA'"
    )

    assert "aliyunsdkcore.client" in loaded
    assert not any(name.startswith("cryptography") for name in loaded)
    assert any(name.startswith("cryptography") for name in touched)


SCHEDULED = """
import index, scalein.cloud.ess
from scalein.function_ref import FunctionRef
from scalein.settings import Credentials
from scalein.wiring import open_scheduler
open_scheduler(FunctionRef("https://fc", "{service}", "f", "", "k"), Credentials("i", "s"))
"""


def test_a_follow_up_loads_only_what_its_generation_of_function_compute_needs() -> None:
    """Where ESS was called, 3.0 needs no other library."""
    called = modules_after("import index, scalein.cloud.ess")
    of_3_0 = modules_after(SCHEDULED.format(service="")) - called
    of_2_0 = modules_after(SCHEDULED.format(service="s")) - called

    assert {name.partition(".")[0] for name in of_3_0} <= {"scalein"}
    assert {"fc2", "requests"} <= of_2_0
    assert "scalein.cloud.native_function" not in of_2_0
