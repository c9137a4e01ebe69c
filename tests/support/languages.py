"""Official SDKs of other languages, where this machine has them, and how their programs are run."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.needs import skip_without
from tests.support.sdks import flat

TESTS = Path(__file__).parents[1]
SEE = 'see "SDKs of other languages" in CONTRIBUTING.md'
GO_PACKAGES = ("ess", "sts")
CLASSES = {
    "java-older": "com.aliyuncs.ess.model.v20140828.RemoveInstancesRequest",
    "java-newer": "com.aliyun.ess20220222.Client",
}


class Language(NamedTuple):
    """An official SDK, and the program of these tests that calls through it."""

    name: str
    sdk: str
    program: str
    is_plural: bool = False  # its parameters have the names of lists, as in API 2022-02-22
    can_assume_roles: bool = True


GO = Language("go", "Go with alibaba-cloud-sdk-go", "go/call.go")
JAVA_OLDER = Language(
    "java-older", "Java with aliyun-java-sdk-ess and -sts", "java/Call.java", is_plural=True
)
JAVA_NEWER = Language(
    *("java-newer", "Java with com.aliyun:ess20220222", "java/CallNewer.java"),
    is_plural=True,
    can_assume_roles=False,  # its STS is a package of its own
)
PHP = Language("php", "PHP with alibabacloud/sdk", "php/call.php")
LANGUAGES = (GO, JAVA_OLDER, JAVA_NEWER, PHP)


class Program(NamedTuple):
    """A running program that calls through one SDK."""

    language: Language
    process: subprocess.Popen[str]
    endpoint: str

    def call(self, key: tuple[str, ...], action: str, **params: Any) -> dict[str, Any] | str:
        """The reply, its lists flat and its names as in the API; or the code of its refusal.

        `params`: lists under their names in 2022-02-22.
        """
        assert self.process.stdin and self.process.stdout
        key_id, secret, token = (*key, "")[:3]
        ask = {"endpoint": self.endpoint, "key": key_id, "secret": secret, "token": token}
        named = params if self.language.is_plural else _singular(params)
        text = json.dumps({**ask, "action": action, "params": named})
        print(text, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        answer = json.loads(line)
        return _capitalised(flat(answer["reply"])) if "reply" in answer else str(answer["code"])


@contextmanager
def program_of(language: Language, endpoint: str) -> Iterator[Program]:
    """Skips where the language or its SDK is missing."""
    command = command_of(language, TESTS / language.program)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield Program(language, process, endpoint)
        assert process.stdin
        process.stdin.close()


def command_of(language: Language, program: Path) -> list[str]:
    """The command that runs a program with the SDK. Skips where something is missing."""
    autoload = os.environ.get("PHP_AUTOLOAD", "")
    if language is GO and has_go():
        return ["go", "run", str(program)]
    if language.name in CLASSES and has_class(CLASSES[language.name]):
        return ["java", str(program)]
    if language is not PHP or not autoload or not shutil.which("php"):
        skip_without(language.sdk, SEE)
    return ["php", str(program), autoload]


@functools.cache
def has_go() -> bool:
    """Whether GOPATH, or what else Go is set to use, has the SDK."""
    packages = [f"github.com/aliyun/alibaba-cloud-sdk-go/services/{name}" for name in GO_PACKAGES]
    return bool(shutil.which("go")) and _succeeds("go", "list", *packages)


@functools.cache
def has_class(name: str) -> bool:
    """Whether CLASSPATH has the class, and this machine has a compiler."""
    return bool(shutil.which("javap")) and _succeeds("javap", name)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, cwd=TESTS, capture_output=True, check=False).returncode == 0


def _singular(params: Mapping[str, Any]) -> dict[str, Any]:
    """Lists under their names in 2014-08-28; numbers as text, which every SDK takes."""
    return {
        name.removesuffix("s") if isinstance(value, list) else name: value
        if isinstance(value, list)
        else str(value)
        for name, value in params.items()
    }


def _capitalised(value: Any) -> Any:
    """With names as in the API, where an SDK's fields begin with a small letter."""
    if isinstance(value, list):
        return [_capitalised(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name[:1].upper() + name[1:]: _capitalised(inner) for name, inner in value.items()}
