"""The handler's signature of 3.0 against the official SDK's, for the same request."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest
from hypothesis import given
from hypothesis import strategies as st

from scalein.cloud.acs3 import ALGORITHM, Call, authorization
from scalein.cloud.native_function import VERSION, NativeFunctionScheduler
from scalein.function_ref import FunctionRef
from scalein.settings import Credentials
from tests.support.deployment import KEY
from tests.support.native import Native
from tests.support.servers import answer_of, request_on, serving

EVENT, TASK_ID = b'{"followUp": "\xc3\xa9=1&2"}', "scalein-1"
PATH = f"/{VERSION}/functions/scale-in/invocations"
TOKEN = KEY._replace(security_token="token-1/+=")
# What only the SDK sends, none of which the signature needs.
SDK_ONLY = {"accept", "user-agent", "x-acs-credentials-provider"}
EACH_TIME = {"authorization", "x-acs-date", "x-acs-signature-nonce"}
# As the handler's transport sends it: an answer is never unpacked.
NOT_SIGNED = {"accept-encoding", "content-length"}


class Sent(NamedTuple):
    """One request as it travelled."""

    line: str
    headers: Mapping[str, str]

    @property
    def signed_names(self) -> set[str]:
        text = self.headers["authorization"]
        return set(text.partition("SignedHeaders=")[2].partition(",")[0].split(";"))


def sent_by(sends: list[Callable[[str], object]]) -> list[Sent]:
    """What each of these sends to one endpoint, that accepts it."""
    heads: list[str] = []

    def converse(connection: socket.socket) -> None:
        while head := request_on(connection):
            heads.append(head)
            connection.sendall(answer_of(b"", "202 Accepted"))

    with serving(converse) as endpoint:
        for send in sends:
            send(endpoint)
    return [sent_of(head) for head in heads]


def sent_of(head: str) -> Sent:
    line, *rest = head.splitlines()
    pairs = (text.partition(":") for text in rest)
    return Sent(line, {name.lower(): value.strip() for name, _, value in pairs})


def by_the_handler(credentials: Credentials, qualifier: str) -> Callable[[str], object]:
    def send(endpoint: str) -> object:
        function_ref = FunctionRef(f"http://{endpoint}", "", "scale-in", qualifier, "k" * 32)
        scheduler = NativeFunctionScheduler(function_ref, credentials)
        return scheduler.invoke_later(EVENT, TASK_ID, 30, 5)

    return send


def by_the_sdk(credentials: Credentials, qualifier: str) -> Callable[[str], object]:
    headers = {
        "x_fc_invocation_type": "Async",
        "x_fc_async_delay": "30",
        "x_fc_async_task_id": TASK_ID,
    }
    return lambda endpoint: Native(endpoint, credentials).invoke(
        "scale-in", EVENT, qualifier, **headers
    )


@pytest.mark.parametrize("credentials", [KEY, TOKEN])
@pytest.mark.parametrize("qualifier", ["", "LATEST", "prod_1-a", "a b/ü~"])
def test_the_handler_sends_what_the_sdk_sends_header_by_header(
    credentials: Credentials, qualifier: str
) -> None:
    mine, official = sent_by(
        [by_the_handler(credentials, qualifier), by_the_sdk(credentials, qualifier)]
    )

    assert mine.line == official.line
    assert official.headers.keys() - mine.headers.keys() == SDK_ONLY
    assert mine.headers.keys() - official.headers.keys() == set()
    same = mine.headers.keys() - EACH_TIME - {"accept-encoding"}
    assert {name: mine.headers[name] for name in same} == {
        name: official.headers[name] for name in same
    }
    assert mine.signed_names == mine.headers.keys() - NOT_SIGNED - {"authorization"}
    assert {len(sent.headers["x-acs-signature-nonce"]) for sent in (mine, official)} == {32}


@pytest.mark.parametrize("credentials", [KEY, TOKEN])
@pytest.mark.parametrize("qualifier", ["", "prod", "a b/ü~"])
def test_the_handler_signs_the_sdk_s_request_as_the_sdk_did(
    credentials: Credentials, qualifier: str
) -> None:
    """Same key, date and nonce: those that the SDK sent."""
    (official,) = sent_by([by_the_sdk(credentials, qualifier)])
    query = {"qualifier": qualifier} if qualifier else {}
    call = Call("POST", PATH, query, "InvokeFunction", VERSION, EVENT)
    headers = {name: official.headers[name] for name in official.signed_names}

    assert authorization(call, headers, credentials) == official.headers["authorization"]


def test_each_request_has_a_nonce_of_its_own() -> None:
    sent = sent_by([by_the_handler(KEY, "")] * 3)

    assert len({one.headers["x-acs-signature-nonce"] for one in sent}) == 3


texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"]))
names = st.from_regex(r"x-[a-z][a-z0-9-]{0,10}", fullmatch=True)


@given(
    headers=st.dictionaries(names, texts),
    query=st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), texts),
    body=st.binary(),
    key=st.builds(Credentials, texts, texts),
)
def test_any_request_is_signed_as_the_sdk_signs_it(
    headers: dict[str, str], query: dict[str, str], body: bytes, key: Credentials
) -> None:
    request: Any = DaraRequest()
    request.method, request.pathname = "POST", PATH
    request.headers, request.query = headers, query
    digest = Utils.hash(body, ALGORITHM).hex()
    expected = Utils.get_authorization(
        request, ALGORITHM, digest, key.access_key_id, key.access_key_secret
    )

    call = Call("POST", PATH, query, "InvokeFunction", VERSION, body)
    assert authorization(call, headers, key) == expected
