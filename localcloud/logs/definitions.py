"""Log stores and their indexes, as they are created and described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.json_text import parse_json
from localcloud.logs.index import Index, index_of
from localcloud.logs.log_error import LogError
from localcloud.logs.store import LogStores

LEAF_TYPES = ("text", "long", "double")
TYPES = (*LEAF_TYPES, "json")
WRITTEN = {"ttl": 30, "shardCount": 2, "enable_tracking": False, "autoSplit": True}


def create_logstore(stores: LogStores, project: str, document: Mapping[str, Any]) -> None:
    """Creates an empty log store. Raises LogError."""
    name: Any = document.get("logstoreName")
    ttl, shards = document.get("ttl"), document.get("shardCount")
    is_right = name and isinstance(name, str) and isinstance(ttl, int) and isinstance(shards, int)
    if not is_right:
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
        return dict(parse_json(body))
    except (TypeError, ValueError) as error:
        raise LogError(400, "ParameterInvalid", "the body is no JSON object") from error


def _index(body: Mapping[str, Any]) -> Index:
    """Returns the index that CreateIndex describes. Raises LogError."""
    try:
        keys = [_key(name, key) for name, key in (body.get("keys") or {}).items()]
    except (AttributeError, TypeError, ValueError) as error:
        raise LogError(400, "IndexInfoInvalid", f"index info is invalid: {error}") from error
    return index_of({"FullTextIndex": {"Enable": "line" in body}, "KeyIndices": keys})


def _key(name: str, key: Mapping[str, Any], types: tuple[str, ...] = TYPES) -> dict[str, Any]:
    """Raises AttributeError, TypeError, ValueError where a key is wrong."""
    inner_keys = [
        _key(leaf, inner, LEAF_TYPES) for leaf, inner in (key.get("json_keys") or {}).items()
    ]
    type = key.get("type", "text")
    if not name or type not in types:
        raise ValueError(f"the key {name!r} of type {type!r}")
    return {
        "Name": name,
        "Type": type,
        "EnableAnalytics": bool(key.get("doc_value")),
        "JsonKeyIndices": inner_keys,
    }
