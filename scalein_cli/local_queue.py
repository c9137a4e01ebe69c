"""Reads a queue of the local cloud, over the HTTP API of MNS, and looks at what it does."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from xml.etree import ElementTree

from localcloud.queues.signature import signature_of

TIMEOUT_SECONDS = 10
NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"


def take_message(ready: Mapping[str, str], queue: str) -> dict[str, Any] | None:
    """Receives the oldest message of a queue, deletes it, and returns its body, a JSON object.

    Returns None where there is none. The body is in Base64, as the cloud's services write it.
    """
    path = f"/queues/{queue}/messages"
    try:
        root = ElementTree.fromstring(_call(ready, "GET", path))  # noqa: S314 (this machine's own)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:  # MessageNotExist
                return None
        raise
    fields = {child.tag.removeprefix(NAMESPACE): child.text or "" for child in root}
    _call(ready, "DELETE", f"{path}?ReceiptHandle={fields['ReceiptHandle']}")
    return dict(json.loads(base64.b64decode(fields["MessageBody"])))


def watch(ready: Mapping[str, str]) -> dict[str, Any]:
    """What queues, alert rules and triggers are doing: /localcloud/queues."""
    with _open(urllib.request.Request(f"http://{ready['endpoint']}/localcloud/queues")) as answer:
        return dict(json.load(answer))


def advance(ready: Mapping[str, str], seconds: float) -> None:
    """Puts the clock of the local cloud forward."""
    request = urllib.request.Request(
        f"http://{ready['endpoint']}/localcloud/clock",
        json.dumps({"advance": seconds}).encode(),
        {"Content-Type": "application/json"},
    )
    _open(request).close()


def _call(ready: Mapping[str, str], method: str, resource: str) -> bytes:
    """Returns the body of the answer to a signed call of MNS. Raises HTTPError."""
    headers = {"date": formatdate(usegmt=True), "x-mns-version": "2015-06-06"}
    signature = signature_of(method, resource, headers, ready["accessKeySecret"])
    headers["Authorization"] = f"MNS {ready['accessKeyId']}:{signature}"
    url = f"http://{ready['endpoint']}{resource}"
    with _open(urllib.request.Request(url, None, headers, method=method)) as answer:
        return bytes(answer.read())


def _open(request: urllib.request.Request) -> Any:
    """Opens a request of this machine, for which no proxy is used."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=TIMEOUT_SECONDS)
