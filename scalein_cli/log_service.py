"""Reads log lines of the function from Simple Log Service, by its official SDK.

The SDK takes 20 MB besides what the command has: it is the extra `logs`.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from scalein_cli.cloud_access import KEY_ID, KEY_SECRET, REGION, TOKEN, find_credentials
from scalein_cli.errors import CommandError
from scalein_cli.extras import require
from scalein_cli.verification import raise_if_unverified, trust_store

QUERY = "message.part >= 1"  # audit lines and their follow-on lines, by the index of the templates
PAGE = 100  # rows, the maximum of GetLogs
MAX_ROWS = 20_000
MILLISECONDS = 10_000  # for a connection, and for an answer


class LogStore(Protocol):
    """A log store, of which pages are read."""

    def rows(self, since: datetime, until: datetime, offset: int) -> list[dict[str, Any]]:
        """The rows of a page, oldest first. Raises CommandError."""


def lines_of(store: LogStore, since: datetime, until: datetime) -> Iterator[str]:
    """Yields each row as JSON. Raises CommandError if there are too many, or no answer."""
    for offset in range(0, MAX_ROWS, PAGE):
        rows = store.rows(since, until, offset)
        yield from map(json.dumps, rows)
        if len(rows) < PAGE:
            return
    raise CommandError(
        f"The log store has more than {MAX_ROWS:,} audit lines in this time. Give a shorter "
        "--since, or export the log and give it with --log."
    )


def open_log_store(project: str, logstore: str, endpoint: str) -> LogStore:
    """The log store, with the credentials of the environment. Raises CommandError."""
    require("logs")
    find_credentials()
    region = os.environ.get(REGION, "")
    if not (endpoint or region):
        raise CommandError("Give --region, or --log-endpoint: the place of the log store.")
    return SimpleLogService(project, logstore, endpoint or f"{region}.log.aliyuncs.com")


class SimpleLogService:
    """A log store of Simple Log Service."""

    def __init__(self, project: str, logstore: str, endpoint: str) -> None:
        from alibabacloud_sls20201230.client import Client
        from alibabacloud_tea_openapi.models import Config

        # With DEBUG=sdk in the environment, the SDK would print what it sends.
        logging.getLogger("darabonba-core").disabled = True
        self._project, self._logstore, self._endpoint = project, logstore, endpoint
        self._client = Client(
            Config(
                access_key_id=os.environ[KEY_ID],
                access_key_secret=os.environ[KEY_SECRET],
                security_token=os.environ.get(TOKEN) or None,
                endpoint=endpoint,
                connect_timeout=MILLISECONDS,
                read_timeout=MILLISECONDS,
                ca=trust_store() or None,  # besides those that the SDK trusts
            )
        )

    def rows(self, since: datetime, until: datetime, offset: int) -> list[dict[str, Any]]:
        from alibabacloud_sls20201230.models import GetLogsRequest
        from requests import RequestException
        from Tea.exceptions import TeaException

        request = GetLogsRequest(
            from_=int(since.timestamp()),
            to=int(until.timestamp()) + 1,
            query=QUERY,
            line=PAGE,
            offset=offset,
            reverse=False,
        )
        try:
            body = self._client.get_logs(self._project, self._logstore, request).body
        except (TeaException, RequestException, OSError) as error:
            raise_if_unverified(error, "--log-endpoint")
            place = f"log store {self._project}/{self._logstore} at {self._endpoint}"
            cause = getattr(error, "code", None) or type(error).__name__
            raise CommandError(
                f"The {place} was not read ({cause}). Check names, region, network, and the right "
                "log:GetLogStoreLogs."
            ) from None
        if body.meta and body.meta.progress not in (None, "Complete"):
            raise CommandError("Simple Log Service gave a part of the answer. Try again.")
        return [dict(row) for row in body.data or ()]
