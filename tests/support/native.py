"""Functions of Function Compute 3.0 through its official SDK."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from darabonba.exceptions import DaraException
from darabonba.policy.retry import RetryOptions
from darabonba.runtime import RuntimeOptions

from scalein.settings import Credentials
from tests.support.deployment import KEY


class Answer(NamedTuple):
    """What the SDK returned of an invocation."""

    status: int
    headers: dict[str, str]
    body: bytes


class Native:
    """The official SDK of API 2023-03-30, at a local cloud. It sends each request once."""

    def __init__(self, endpoint: str, credentials: Credentials = KEY) -> None:
        config = Config(
            access_key_id=credentials.access_key_id,
            access_key_secret=credentials.access_key_secret,
            security_token=credentials.security_token or None,
            endpoint=endpoint,
            protocol="http",
            region_id="cn-hangzhou",
            retry_options=RetryOptions({"retryable": False}),
        )
        self.client = Client(config)

    def create(self, name: str, code: bytes, **fields: Any) -> None:
        """Creates the function from a zip file, or from the source of index.py."""
        archive = code if code.startswith(b"PK") else zipped(code)
        known: dict[str, Any] = {"runtime": "python3.12", "handler": "index.handler"}
        body = models.CreateFunctionInput(
            function_name=name,
            code=models.InputCodeLocation(zip_file=base64.b64encode(archive).decode()),
            **{**known, **fields},
        )
        self.client.create_function(models.CreateFunctionRequest(body=body))

    def invoke(self, name: str, event: bytes, qualifier: str = "", **headers: str) -> Answer:
        """Invokes the function; `x_fc_async_delay` names the header x-fc-async-delay."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = self.client.invoke_function_with_options(
            name,
            models.InvokeFunctionRequest(body=event, qualifier=qualifier or None),
            models.InvokeFunctionHeaders(common_headers=named),
            RuntimeOptions(),
        )
        assert answer.status_code is not None
        return Answer(answer.status_code, answer.headers or {}, answer.body.read())


def zipped(source: bytes) -> bytes:
    """A zip file with the source as its index.py."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


def zipped_folder(folder: Path) -> bytes:
    """A zip file of a folder, without compiled Python."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    """The status and code of the error that a call of the SDK raises."""
    with pytest.raises(DaraException) as caught:
        call()
    error: Any = caught.value
    return int(error.status_code), str(error.code)
