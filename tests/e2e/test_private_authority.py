"""The commands behind a private authority, such as that of a company's proxy: all servers are
verified by the one trust store that a variable names.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scalein_cli.__main__ import main
from scalein_cli.trust_store import hashed_directory
from tests.support.certificates import ELSEWHERE, Authority, authority_in
from tests.support.clouds import group, instances
from tests.support.deploying import NATIVE, OLDER, POLICY, ROLE, package
from tests.support.deployment import KEY_VARIABLES
from tests.support.platforms import compute_of
from tests.support.servers import answer_of, request_on, serving

VARIABLES = ("ALIBABA_CLOUD_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
GENERATIONS = pytest.mark.parametrize("function", [NATIVE, OLDER], ids=["3.0", "2.0"])
DEPLOYING = (
    *("stop", "stop --group asg-1", "start --yes", "deploy {code} --yes", "promote --yes"),
    *("rollback --yes", "invoke {event}", "status --local"),
)
READING = (
    *("plan --group asg-1 --count 1", "status --policy {policy}", "history --group asg-1"),
    *(
        "explain i-1 --group asg-1",
        "capture {new} --group asg-1",
        "init --group asg-1 --output {new}",
    ),
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return authority_in(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Files that the commands take, by the names in their texts."""
    policy, event = tmp_path / "policy.json", tmp_path / "event.json"
    policy.write_text(json.dumps(POLICY))
    event.write_text(json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}}))
    made = {"code": package(tmp_path), "new": tmp_path / "new.json"}
    return {**made, "policy": policy, "event": event}


def run(command: list[str], endpoint: str, **trusted: str) -> Result:
    """The command, which speaks to all services at the endpoint by HTTPS."""
    names = ("SCALEIN_FC_ENDPOINT", "SCALEIN_ESS_ENDPOINT", "SCALEIN_CMS_ENDPOINT")
    variables = {
        **KEY_VARIABLES,
        **dict.fromkeys(names, f"https://{endpoint}"),
        "SCALEIN_REGION_ID": "cn-hangzhou",
        "COLUMNS": "300",
        **dict.fromkeys(VARIABLES, ""),
        **trusted,
    }
    return CliRunner(env=variables).invoke(main, command, prog_name="scalein")


@contextmanager
def recording(certificate: tuple[str, str]) -> Iterator[tuple[str, list[str]]]:
    """host:port of a server, and each request that it received."""
    heads: list[str] = []

    def converse(connection: socket.socket) -> None:
        while head := request_on(connection):
            heads.append(head)
            connection.sendall(answer_of(b"{}"))

    with serving(converse, certificate) as endpoint:
        yield endpoint, heads


def in_file(authority: Authority) -> str:
    return str(authority.file)


def in_directory(authority: Authority) -> str:
    folder = authority.file.parent / "hashed"
    folder.mkdir()
    for name, content in hashed_directory(authority.file.read_text()).items():
        (folder / name).write_bytes(content)
    return str(folder)


@GENERATIONS
@pytest.mark.parametrize(
    ("variable", "store"), [(VARIABLES[0], in_file), (VARIABLES[1], in_directory)]
)
def test_a_function_is_deployed_stopped_started_and_promoted(
    function: str,
    variable: str,
    store: Callable[[Authority], str],
    authority: Authority,
    tmp_path: Path,
) -> None:
    trusted = {variable: store(authority)}
    groups = (group(*instances(2)), group(*instances(2, "j"), scalingGroupId="asg-2"))
    with compute_of(*groups, certificate=authority.certificate()) as compute:

        def done(*command: str) -> None:
            result = run([*command, "--function", function], compute.endpoint, **trusted)
            assert result.exit_code == 0, result.output

        service, _, name = function.rpartition("/")
        registry = compute.platform.registry
        variables = ("--env", f"SCALEIN_POLICY={json.dumps(POLICY)}", "--alias", "prod")
        done("deploy", str(package(tmp_path)), "--role", ROLE, "--yes", *variables)
        newer = package(tmp_path, "newer.zip", new__txt="new")
        done("deploy", str(newer), "--yes")
        done("stop")  # which downloads code, for the alias's is another one than LATEST's
        assert registry.function(service, name, "prod").environment["SCALEIN_STOP"] == "all"
        done("start", "--yes")
        assert "SCALEIN_STOP" not in registry.function(service, name, "prod").environment
        before = registry.service(service, name).aliases["prod"]["versionId"]
        done("promote", "--yes")
        assert registry.service(service, name).aliases["prod"]["versionId"] != before
        plan = run(READING[0].split(), compute.endpoint, **trusted)
        assert plan.exit_code == 0, plan.output


def refusal(result: Result) -> str:
    """The message of a command that failed as commands do, and not by a traceback."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    return " ".join(result.output.split())


def commands() -> Iterator[str]:
    for function in (NATIVE, OLDER):
        yield from (f"{command} --function {function}" for command in DEPLOYING)
    yield from (*READING, "check --policy {policy} --region cn-hangzhou")


@pytest.mark.parametrize("command", [*commands()])
def test_a_certificate_that_does_not_verify_ends_each_command_with_a_sentence(
    command: str, authority: Authority, files: dict[str, Path]
) -> None:
    with recording(authority.certificate()) as (endpoint, heads):
        result = run(command.format(**files).split(), endpoint)

    message = refusal(result)
    assert "The certificate of 127.0.0.1 does not verify" in message
    assert "Set ALIBABA_CLOUD_CA_BUNDLE to a file" in message
    assert heads == []
    assert not files["new"].exists()
    if command.startswith("stop"):
        assert "Nothing was stopped." in message
        assert "the rest is" not in message


@pytest.mark.parametrize(
    "command", [f"stop --function {NATIVE}", f"stop --function {OLDER}", READING[0]]
)
def test_a_trusted_authority_does_not_make_another_servers_name_good(
    command: str, authority: Authority
) -> None:
    certificate = authority.certificate(names=ELSEWHERE)
    with recording(certificate) as (endpoint, heads):
        message = refusal(run(command.split(), endpoint, **{VARIABLES[0]: str(authority.file)}))

    assert "does not verify (IP address mismatch" in message
    assert f"by {authority.file}. " in message
    assert heads == []


def test_a_wrong_key_ends_the_commands_that_read_with_a_sentence(
    authority: Authority, files: dict[str, Path]
) -> None:
    wrong = {VARIABLES[0]: str(authority.file), "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}
    with compute_of(group(*instances(2)), certificate=authority.certificate()) as compute:
        for command in READING:
            message = refusal(run(command.format(**files).split(), compute.endpoint, **wrong))
            assert "the access key secret is wrong" in message


@pytest.mark.parametrize(
    "command", [f"stop --function {NATIVE}", f"stop --function {OLDER}", READING[0]]
)
def test_the_first_variable_counts_and_must_name_certificates(
    command: str, authority: Authority, tmp_path: Path
) -> None:
    trusted = {VARIABLES[0]: str(tmp_path / "missing.pem"), VARIABLES[1]: str(authority.file)}
    with recording(authority.certificate()) as (endpoint, heads):
        message = refusal(run(command.split(), endpoint, **trusted))

    assert "missing.pem cannot be read" in message
    assert " or ".join(VARIABLES) in message
    assert heads == []


def test_a_command_leaves_the_environment_of_the_process_as_it_was(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", str(authority.file))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    before = dict(os.environ)
    CliRunner().invoke(main, ["check", "--policy", "policy.example.json"])

    assert dict(os.environ) == before
