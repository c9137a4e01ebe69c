"""One call of MNS, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element

from localcloud.queues import documents
from localcloud.queues.errors import MnsError, invalid_argument
from localcloud.queues.service import QueueService

DEFAULT_PAGE, MAX_PAGE = 1_000, 1_000


class Call(NamedTuple):
    """A request that is authentic."""

    service: QueueService
    names: Mapping[str, str]  # of queue, topic and subscription, from the path
    query: Mapping[str, str]  # names in lower case: SDKs spell them differently
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    url: str  # of the service, for the URLs of answers

    @property
    def document(self) -> Element:
        """The body's root. Raises MnsError where it is no XML."""
        return documents.parsed(self.body)

    def number(self, name: str, default: int, max_count: int) -> int:
        """Returns a whole number of the query. Raises MnsError where it is none, or too large."""
        text = self.query.get(name)
        if text is None:
            return default
        if not text.isdecimal() or int(text) > max_count:
            message = f'Http request URL contains invalid querystring item "{name}".'
            raise MnsError(400, "InvalidQueryString", message)
        return int(text)

    def page(self, names: list[str]) -> tuple[list[str], str]:
        """Returns the part of sorted names that the headers ask for, and the next marker."""
        prefix, marker = self.headers.get("x-mns-prefix", ""), self.headers.get("x-mns-marker", "")
        size = self.headers.get("x-mns-ret-number") or str(DEFAULT_PAGE)
        if not size.isdecimal() or not 1 <= int(size) <= MAX_PAGE:
            raise invalid_argument("x-mns-ret-number")
        left = [name for name in sorted(names) if name.startswith(prefix) and name > marker]
        page = left[: int(size)]
        return page, page[-1] if len(left) > len(page) else ""

    @property
    def wants_meta(self) -> bool:
        return self.headers.get("x-mns-with-meta", "").lower() == "true"


class Answer(NamedTuple):
    """An answer: its status, its document, and where what was created is."""

    status: int
    document: str = ""
    location: str = ""


Act = Callable[[Call], Answer]


class Operation(NamedTuple):
    """What a method does at a path: the name of the action, by which faults know it, and the act.

    `polls`: an answer of no message may wait for one.
    """

    method: str
    path: str
    action: str
    act: Act
    polls: bool = False
