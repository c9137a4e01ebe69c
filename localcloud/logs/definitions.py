"""Log stores and their indexes, as they are created and described."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.logs.index import Index, index_of
from localcloud.logs.log_error import LogError
from localcloud.logs.store import LogStores

WRITTEN = {"ttl": 30, "shardCount": 2, "enable_tracking": False, "autoSplit": True}


def create_logstore(stores: LogStores, project: str, document: Mapping[str, Any]) -> None:
    """Creates an empty log store. Raises LogError."""
    name, ttl, shards = (document.get(field) for field in ("logstoreName", "ttl", "shardCount"))
    if not name or not isinstance(ttl, int) or not isinstance(shards, int):
        raise LogError(400, "LogStoreInfoInvalid", "logstore info is invalid")
    if exists(stores, project, name):
        raise LogError(400, "LogStoreAlreadyExist", f"logstore {name} already exists")
    stores.documents[project, name] = dict(document)


def logstore_document(stores: LogStores, project: str, logstore: str) -> dict[str, Any]:
    """Returns the log store as it was created; the defaults of one that was only written to."""
    check_exists(stores, project, logstore)
    created = stores.documents.get((project, logstore), {})
    return {"logstoreName": logstore, **WRITTEN, **created}


def create_index(
    stores: LogStores, project: str, logstore: str, document: Mapping[str, Any]
) -> None:
    """Creates the index, of a log store that need not exist yet. Raises LogError."""
    if (project, logstore) in stores.indexes:
        raise LogError(400, "IndexAlreadyExist", "log store index is already created")
    update_index(stores, project, logstore, document)


def update_index(
    stores: LogStores, project: str, logstore: str, document: Mapping[str, Any]
) -> None:
    stores.indexes[project, logstore] = _index(document)
    stores.index_documents[project, logstore] = dict(document)


def index_document(stores: LogStores, project: str, logstore: str) -> dict[str, Any]:
    """Returns the index as it was given. Raises LogError."""
    check_exists(stores, project, logstore)
    if (project, logstore) not in stores.index_documents:
        raise LogError(404, "IndexConfigNotExist", "index config doesn't exist")
    return stores.index_documents[project, logstore]


def check_exists(stores: LogStores, project: str, logstore: str) -> None:
    """Raises LogError."""
    if not exists(stores, project, logstore):
        raise LogError(404, "LogStoreNotExist", f"logstore {logstore} does not exist")


def exists(stores: LogStores, project: str, logstore: str) -> bool:
    key = (project, logstore)
    return key in stores or key in stores.documents or key in stores.indexes


def json_object(body: bytes) -> dict[str, Any]:
    """Returns the object in a body. Raises LogError."""
    try:
        return dict(json.loads(body))
    except (TypeError, ValueError) as error:
        raise LogError(400, "ParameterInvalid", "the body is no JSON object") from error


def _index(body: Mapping[str, Any]) -> Index:
    """Returns the index that CreateIndex describes."""
    keys = [_key(name, key) for name, key in (body.get("keys") or {}).items()]
    return index_of({"FullTextIndex": {"Enable": "line" in body}, "KeyIndices": keys})


def _key(name: str, key: Mapping[str, Any]) -> dict[str, Any]:
    inner_keys = [_key(leaf, inner) for leaf, inner in (key.get("json_keys") or {}).items()]
    return {
        "Name": name,
        "Type": key.get("type", "text"),
        "EnableAnalytics": bool(key.get("doc_value")),
        "JsonKeyIndices": inner_keys,
    }
