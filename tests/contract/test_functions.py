"""Function Compute here, through the real fc2 and the newer SDK: deploy, invoke, repeat."""

from __future__ import annotations

import base64
import gc
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import fc2
import pytest

from tests.support.deployment import KEY
from tests.support.platforms import Compute, compute_of
from tests.support.waits import soon


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of() as found:
        yield found


def failure(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(fc2.FcError) as caught:
        call()
    return caught.value.status_code, caught.value.err_code


def test_a_deployed_function_answers(compute: Compute, tmp_path: Path) -> None:
    compute.deploy(tmp_path)

    assert compute.client.invoke_function("s", "f", b"hello").data == b"hello"
    assert compute.client.get_function("s", "f").data["handler"] == "index.handler"
    assert [f["functionName"] for f in compute.client.list_functions("s").data["functions"]] == [
        "f"
    ]


def test_what_is_no_text_is_answered_as_json(compute: Compute, tmp_path: Path) -> None:
    compute.deploy(
        tmp_path, "def handler(event, context):\n    return {'b': None, 'a': event.decode()}\n"
    )

    assert json.loads(compute.client.invoke_function("s", "f", b"x").data) == {"a": "x", "b": None}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("def handler(event, context):\n    raise ValueError('boom')\n", "ValueError"),
        ("import nothing_like_it\n", "ImportModuleError"),
        ("def handler(:\n", "UserCodeSyntaxError"),
        ("x = 1\n", "HandlerNotFound"),
    ],
)
def test_a_failed_function_is_http_200_and_a_header(
    compute: Compute, tmp_path: Path, code: str, kind: str
) -> None:
    compute.deploy(tmp_path, code)

    with pytest.raises(fc2.FcError) as caught:
        compute.client.invoke_function("s", "f", b"")
    assert caught.value.status_code == 200
    answer = json.loads(caught.value.message)
    assert answer["errorType"] == kind
    assert {"errorMessage", "stackTrace"} < answer.keys()


def test_a_function_out_of_time_gets_sigterm_and_the_next_call_a_new_process(
    compute: Compute, tmp_path: Path
) -> None:
    code = (
        "import os, time\ndef handler(event, context):\n"
        "    time.sleep(float(event))\n    return str(os.getpid())\n"
    )
    compute.deploy(tmp_path, code, timeout=1)
    first = compute.client.invoke_function("s", "f", b"0").data

    with pytest.raises(fc2.FcError, match="timed out after 1 seconds"):
        compute.client.invoke_function("s", "f", b"9")
    assert compute.client.invoke_function("s", "f", b"0").data != first


def test_an_exit_is_reported_and_costs_the_instance(compute: Compute, tmp_path: Path) -> None:
    compute.deploy(tmp_path, "import os\ndef handler(event, context):\n    os._exit(3)\n")

    with pytest.raises(fc2.FcError, match="exited unexpectedly"):
        compute.client.invoke_function("s", "f", b"")


def test_an_instance_is_frozen_between_invocations_and_initialized_once(
    compute: Compute, tmp_path: Path
) -> None:
    code = (
        "import threading, time\n"
        "seen = []\n"
        "def tick():\n"
        "    while True:\n"
        "        seen.append('t'); time.sleep(0.01)\n"
        "def initialize(context):\n"
        "    seen.append('i')\n"
        "    threading.Thread(target=tick, daemon=True).start()\n"
        "def handler(event, context):\n"
        "    return json.dumps([seen.count('i'), len(seen)])\n"
        "import json\n"
    )
    compute.deploy(tmp_path, code, initializer="index.initialize")
    counts = []
    for _ in range(2):
        counts.append(json.loads(compute.client.invoke_function("s", "f", b"").data))
        time.sleep(0.3)

    assert [count[0] for count in counts] == [1, 1]
    assert counts[1][1] - counts[0][1] < 15  # thirty, had it run on in between


@pytest.mark.parametrize(("runtime", "has"), [("python3.10", True), ("python3.12", False)])
def test_the_context_is_that_of_the_runtime(
    compute: Compute, tmp_path: Path, runtime: str, has: bool
) -> None:
    code = (
        "import json, os\n"
        "def handler(event, context):\n"
        "    has = [hasattr(context, name) for name in ('credentials', 'service')]\n"
        "    return json.dumps([*has, context.function.timeout,\n"
        "        os.environ['ALIBABA_CLOUD_ACCESS_KEY_ID'],\n"
        "        context.region, bool(context.request_id)])\n"
    )
    compute.deploy(tmp_path, timeout=7)
    source = tmp_path / "f"
    (source / "index.py").write_text(code)
    compute.client.update_function("s", "f", codeDir=str(source), runtime=runtime)

    answer = json.loads(compute.client.invoke_function("s", "f", b"").data)
    assert answer == [has, has, 7, KEY.access_key_id, "cn-hangzhou", True]


def test_the_tail_of_the_log_comes_along(compute: Compute, tmp_path: Path) -> None:
    code = (
        "import logging\n"
        "def handler(event, context):\n"
        "    print('printed'); logging.getLogger().info('logged'); return 'x'\n"
    )
    compute.deploy(tmp_path, code)

    answer = compute.client.invoke_function("s", "f", b"", headers={"x-fc-log-type": "Tail"})
    log = base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    assert "printed" in log
    assert "[INFO] logged" in log


def test_a_version_never_changes_once_published_and_an_alias_points_at_it(
    compute: Compute, tmp_path: Path
) -> None:
    compute.deploy(tmp_path, "def handler(event, context):\n    return 'one'\n")
    client = compute.client
    version = client.publish_version("s").data["versionId"]
    client.create_alias("s", "prod", version)
    (tmp_path / "f" / "index.py").write_text("def handler(event, context):\n    return 'two'\n")
    client.update_function("s", "f", codeDir=str(tmp_path / "f"))

    assert client.invoke_function("s", "f", b"").data == b"two"
    assert client.invoke_function("s", "f", b"", qualifier="prod").data == b"one"
    client.update_alias("s", "prod", client.publish_version("s").data["versionId"])
    assert client.invoke_function("s", "f", b"", qualifier="prod").data == b"two"


def test_an_instance_that_is_busy_during_an_update_serves_nothing_after_it(
    compute: Compute, tmp_path: Path
) -> None:
    code = (
        "import os, time\n"
        "def handler(event, context):\n"
        "    time.sleep(float(event))\n"
        "    return os.environ['NAME']\n"
    )
    compute.deploy(tmp_path, code, environmentVariables={"NAME": "old"})
    client = compute.client
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(compute.client.invoke_function, "s", "f", b"2")
        soon(lambda: sum(compute.platform.pool.count.values()))
        client.update_function("s", "f", environmentVariables={"NAME": "new"})
        assert busy.result().data == b"old"

    assert client.invoke_function("s", "f", b"0").data == b"new"


def test_an_asynchronous_call_is_delayed_numbered_and_listed(
    compute: Compute, tmp_path: Path
) -> None:
    written = tmp_path / "marks"
    code = f"def handler(event, context):\n    open({str(written)!r}, 'a').write(event.decode())\n"
    compute.deploy(tmp_path, code)
    headers = {
        "x-fc-invocation-type": "Async",
        "x-fc-async-delay": "600",
        "x-fc-stateful-async-invocation-id": "task-1",
    }
    compute.client.invoke_function("s", "f", b"x", headers=dict(headers))

    again = failure(lambda: compute.client.invoke_function("s", "f", b"x", headers=dict(headers)))
    assert again == (409, "StatefulAsyncInvocationAlreadyExists")
    (task,) = compute.platform.queue.tasks.values()
    assert (task.status, written.exists()) == ("Enqueued", False)
    compute.clock.advance(600)
    assert soon(lambda: task.status == "Succeeded")
    assert written.read_text() == "x"


def test_a_failing_asynchronous_call_is_repeated_and_then_handed_to_its_destination(
    compute: Compute, tmp_path: Path
) -> None:
    compute.deploy(tmp_path, "def handler(event, context):\n    raise RuntimeError('no')\n")
    config = {
        "maxAsyncRetryAttempts": 2,
        "destinationConfig": {
            "onFailure": {"destination": "acs:mns:cn-hangzhou:1:/queues/dead/messages"}
        },
    }
    compute.client.put_function_async_invoke_config("s", "LATEST", "f", config)
    compute.client.invoke_function("s", "f", b"x", headers={"x-fc-invocation-type": "Async"})

    def over() -> bool:
        compute.clock.advance(10)
        return bool(compute.inside.service.sent_messages)

    assert soon(over)
    (sent,) = compute.inside.service.sent_messages
    assert sent["to"].endswith("/queues/dead/messages")
    assert sent["content"]["requestContext"]["approximateInvokeCount"] == 3
    assert (
        sent["content"]["requestPayload"],
        sent["content"]["responseContext"]["functionError"],
    ) == (
        "x",
        "UnhandledInvocationError",
    )


def test_an_asynchronous_call_that_is_too_old_is_dropped_and_handed_to_its_destination(
    compute: Compute, tmp_path: Path
) -> None:
    compute.deploy(tmp_path, "def handler(event, context):\n    raise RuntimeError('no')\n")
    dead = {"onFailure": {"destination": "acs:mns:cn-hangzhou:1:/queues/dead/messages"}}
    for config in (
        {"statefulInvocation": True, "destinationConfig": dead},
        {"maxAsyncEventAgeInSeconds": 60},  # the others stay
    ):
        compute.client.put_function_async_invoke_config("s", "LATEST", "f", config)
    compute.client.invoke_function("s", "f", b"x", headers={"x-fc-invocation-type": "Async"})
    (task,) = compute.platform.queue.tasks.values()
    assert soon(lambda: task.status == "Retrying")
    compute.clock.advance(61)

    assert soon(lambda: compute.inside.service.sent_messages)
    (sent,) = compute.inside.service.sent_messages
    assert (task.status, task.attempts) == ("Expired", 1)
    assert sent["content"]["requestContext"]["condition"] == "EventAgeExceeded"


@pytest.mark.parametrize(
    "config",
    [
        {"maxAsyncEventAgeInSeconds": 0},
        {"maxAsyncEventAgeInSeconds": 604_801},
        {"maxAsyncRetryAttempts": -1},
        {"maxAsyncRetryAttempts": 9},
    ],
)
def test_an_asynchronous_configuration_out_of_bounds_is_refused(
    compute: Compute, config: dict[str, int], tmp_path: Path
) -> None:
    compute.deploy(tmp_path)

    def put() -> None:
        compute.client.put_function_async_invoke_config("s", "LATEST", "f", config)

    assert failure(put) == (400, "InvalidArgument")


def test_success_can_be_carried_on_to_another_function(compute: Compute, tmp_path: Path) -> None:
    written = tmp_path / "marks"
    compute.deploy(tmp_path)
    compute.deploy(
        tmp_path,
        f"def handler(event, context):\n    open({str(written)!r}, 'wb').write(event)\n",
        name="g",
    )
    destination = {
        "onSuccess": {"destination": "acs:fc:cn-hangzhou:1:services/s.LATEST/functions/g"}
    }
    compute.client.put_function_async_invoke_config(
        "s", "LATEST", "f", {"destinationConfig": destination}
    )
    compute.client.invoke_function("s", "f", b"x", headers={"x-fc-invocation-type": "Async"})

    assert soon(lambda: written.exists() and written.read_bytes())
    assert json.loads(written.read_bytes())["responsePayload"] == "x"


def test_an_alias_that_is_missing_is_missing_in_its_service(
    compute: Compute, tmp_path: Path
) -> None:
    compute.deploy(tmp_path)

    with pytest.raises(fc2.FcError, match=r"alias \W*prod\W* of service \W*s\W* does"):
        compute.client.get_alias("s", "prod")


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (lambda c: c.get_service("absent"), (404, "ServiceNotFound")),
        (lambda c: c.invoke_function("s", "absent", b""), (404, "FunctionNotFound")),
        (lambda c: c.invoke_function("s", "f", b"", qualifier="9"), (404, "VersionNotFound")),
        (lambda c: c.create_service("s"), (409, "ServiceAlreadyExists")),
        (lambda c: c.update_function("s", "f", memorySize=100), (400, "InvalidArgument")),
        (
            lambda c: c.update_function("s", "f", environmentVariables={"FC_X": "1"}),
            (400, "InvalidArgument"),
        ),
        (lambda c: c.update_function("s", "f", runtime="python2.7"), (400, "InvalidArgument")),
        (lambda c: c.delete_service("s"), (409, "ServiceNotEmpty")),
        (lambda c: c.create_alias("s", "prod", "9"), (404, "VersionNotFound")),
    ],
)
def test_what_it_refuses(
    compute: Compute, tmp_path: Path, call: Callable[[fc2.Client], Any], refusal: tuple[int, str]
) -> None:
    compute.deploy(tmp_path)

    assert failure(lambda: call(compute.client)) == refusal


def ago(seconds: float) -> str:
    return formatdate(time.time() - seconds, usegmt=True)


@pytest.mark.parametrize(
    ("fields", "headers", "refusal"),
    [
        ({"accessKeySecret": "wrong"}, {}, (403, "SignatureNotMatch")),
        ({"accessKeyID": "wrong"}, {}, (403, "InvalidAccessKeyID")),
        ({"securityToken": "wrong"}, {}, (403, "InvalidSecurityToken.Malformed")),
        ({"securityToken": "old"}, {}, (403, "InvalidSecurityToken.Expired")),
        ({"securityToken": ""}, {}, (403, "InvalidSecurityToken.Malformed")),
        ({}, {"date": 960}, (403, "InvalidTimeStamp.Expired")),
        ({}, {"date": -960}, (403, "InvalidTimeStamp.Expired")),
        ({}, {"date": "yesterday"}, (403, "InvalidTimeStamp.Format")),
        ({}, {"date": ""}, (400, "MissingRequiredHeader")),
    ],
)
def test_a_request_that_is_not_genuine_is_refused_with_its_own_code(
    compute: Compute,
    fields: dict[str, str],
    headers: dict[str, str | int],
    refusal: tuple[int, str],
) -> None:
    """A number is how many seconds ago the request was signed."""
    compute.inside.authenticator.security_token = "now"
    compute.inside.authenticator.expired_security_token = "old"
    known = {
        "endpoint": f"http://{compute.endpoint}",
        "accessKeyID": KEY.access_key_id,
        "accessKeySecret": KEY.access_key_secret,
        "securityToken": "now",
    }
    client = fc2.Client(**{**known, **fields})
    texts = {
        name: ago(value) if isinstance(value, int) else value for name, value in headers.items()
    }

    assert failure(lambda: client.invoke_function("s", "f", b"x", headers=texts)) == refusal


def test_several_instances_run_side_by_side(compute: Compute, tmp_path: Path) -> None:
    compute.deploy(
        tmp_path,
        "import os, time\ndef handler(event, context):\n"
        "    time.sleep(0.5); return str(os.getpid())\n",
    )
    for _ in range(3):
        compute.client.invoke_function("s", "f", b"", headers={"x-fc-invocation-type": "Async"})

    key = compute.platform.registry.function("s", "f").key
    assert soon(lambda: len(set(compute.platform.pool.instances(key))) == 3)


def raw(compute: Compute, method: str, path: str) -> Any:
    """What fc2 has no method for, signed by fc2."""
    client = compute.client
    whole = f"/2016-08-15/services/s/functions/f{path}"
    answer = client._do_request(method, whole, client._build_common_headers(method, whole, {}))
    return answer.json() if answer.content else None


def test_numbered_invocations_are_listed_looked_up_and_stopped(
    compute: Compute, tmp_path: Path
) -> None:
    compute.deploy(tmp_path)
    for id in ("task-1", "task-2"):
        headers = {"x-fc-invocation-type": "Async", "x-fc-async-delay": "600"}
        compute.client.invoke_function(
            "s", "f", b"x", headers={**headers, "x-fc-stateful-async-invocation-id": id}
        )
    raw(compute, "PUT", "/stateful-async-invocations/task-1")

    listed = raw(compute, "GET", "/stateful-async-invocations")["invocations"]
    assert {one["invocationId"]: one["status"] for one in listed} == {
        "task-1": "Stopped",
        "task-2": "Enqueued",
    }
    assert raw(compute, "GET", "/stateful-async-invocations/task-1")["status"] == "Stopped"
    assert failure(lambda: raw(compute, "GET", "/stateful-async-invocations/task-9"))[0] == 404


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_zip_file_is_deployed_like_a_folder_and_what_is_none_is_refused(
    compute: Compute, tmp_path: Path
) -> None:
    compute.deploy(tmp_path)
    """fc2 leaves the files open, hence the filter."""
    whole, broken = tmp_path / "code.zip", tmp_path / "broken.zip"
    whole.write_bytes(compute_zip(tmp_path / "f"))
    broken.write_bytes(b"PK no")
    compute.client.create_function("s", "g", "python3.10", "index.handler", codeZipFile=str(whole))

    assert compute.client.invoke_function("s", "g", b"hello").data == b"hello"
    refusal = failure(
        lambda: compute.client.create_function(
            "s", "h", "python3.10", "index.handler", codeZipFile=str(broken)
        )
    )
    assert refusal == (400, "InvalidArgument")
    gc.collect()  # what was left open, here and not in another test


def test_what_was_deployed_can_be_taken_back(compute: Compute, tmp_path: Path) -> None:
    compute.deploy(tmp_path)
    client = compute.client
    version = client.publish_version("s").data["versionId"]
    client.create_alias("s", "prod", version)
    assert failure(lambda: client.delete_version("s", version)) == (412, "PreconditionFailed")
    client.delete_alias("s", "prod")
    client.delete_version("s", version)
    client.delete_function("s", "f")
    client.delete_service("s")

    assert failure(lambda: client.get_service("s")) == (404, "ServiceNotFound")


def compute_zip(folder: Path) -> bytes:
    import io
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.write(folder / "index.py", "index.py")
    return made.getvalue()
