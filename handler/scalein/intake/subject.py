"""What an alarm is of: single instances, a whole group, or what cannot be known. Decided here for
all dialects, for one idle instance does not mean that its group is idle.

Only an alarm that shows that it is of a whole group removes an amount. In doubt it is not one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from scalein.decision.alarm import Scope, Subject

ABSENT = ("", "null")  # CloudMonitor's callback writes the text null for a missing value
Fields = Mapping[str, Any]  # labels or dimensions

INSTANCE_ID = re.compile(r"(i-[A-Za-z0-9-]{1,62})(?::[0-9]{1,5})?")  # a target has its port
ID_NAMES = ("instanceid", "instance")  # fields that hold an id, in this order of precedence
# Names are compared in small letters, without what separates words.
SEPARATORS = re.compile(r"[\W_]+")
INSTANCE_NAME = re.compile(
    r"(?:instance|host|node|pod|machine|server|worker|computer|fqdn|containerid)"
    r"(?!s?(?:group|pool|set|type|class|famil|role|fleet|count|namespace|less|monitor))"
    r"|^(?:ecs|vm|eni)(?:id|name)?$"
    r"|(?:实例|主机|节点|服务器|机器)(?![组池集群类型规格数])"
)
INSTANCE_TEXT = re.compile(r"(?<![A-Za-z0-9])i[-Z][a-z0-9]{15,}")  # an id, a default host name
ADDRESS = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"
    r"|^[\w.-]+:\d{2,5}$"
    r"|^\[?(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}\]?(?::\d+)?$"
)

# Products whose metrics are each of one instance, a container or a disk, unless grouped.
INSTANCE_NAMESPACES = ("acs_ecs", "acs_eci", "acs_ebs")
CUSTOM_NAMESPACES = ("acs_custom",)  # the user's own metrics; other acs_ are products
GROUP_NAMES = ("groupid", "scalinggroup", "scalinggroupid", "scalinggroupname")
PLACE_NAMES = ("userid", "regionid", "region")
LIST_MARKS = "[]\"' "
NO_GROUP = (*ABSENT, "0")  # system events have the group 0 for none


def subject_of_event(value_by_field: Fields) -> Subject:
    """Returns the subject of what happened to instances, whether or not their ids can be read.

    Each field may hold an id, an ARN, several of them in a list, or nothing of the kind. Fields
    agree if the one that names most instances names those of all others; else no id counts.
    """
    ids_by_field = {field: _ids_in(value) for field, value in value_by_field.items()}
    naming = sorted(filter(ids_by_field.get, ids_by_field), key=lambda f: -len(ids_by_field[f]))
    for field in naming[1:]:
        if not set(ids_by_field[field]) <= set(ids_by_field[naming[0]]):
            return Subject(Scope.INSTANCES, conflicting_fields=(naming[0], field))
    return Subject(Scope.INSTANCES, ids_by_field[naming[0]] if naming else ())


def subjects_of_alerts(alerts: Sequence[Sequence[Fields]]) -> list[Subject]:
    """Returns the subject of each alert. It has its own labels first, which alone can say which
    instance it is of, then what else is said of it, such as labels of all alerts of a group.

    Each name and each text is looked at once, however many alerts have it.
    """
    # By identity: the labels that alerts share are one object, looked at once.
    fields_by_id = {id(fields): fields for alert in alerts for fields in alert}
    names = _names(list(fields_by_id.values()))
    id_names = _id_names(names)
    naming_names = {name for name in names if INSTANCE_NAME.search(_plain(name))}
    naming_texts: dict[str, bool] = {}

    def is_naming(value: object) -> bool:
        if not isinstance(value, str):
            return isinstance(value, (dict, list))  # it cannot be read
        if value not in naming_texts:
            naming_texts[value] = _is_naming_text(value, is_product=False)
        return naming_texts[value]

    naming_by_id = {
        number: next((name for name in fields if name in naming_names), "")
        or next((name for name, value in fields.items() if is_naming(value)), "")
        for number, fields in fields_by_id.items()
    }

    def subject(alert: Sequence[Fields]) -> Subject:
        own = {name: ids for name in id_names if (ids := instance_ids_of(alert[0].get(name)))}
        if len(set(own.values())) > 1:  # such as of the exporter and of its target
            return Subject(Scope.UNKNOWN, conflicting_fields=tuple(own)[:2])
        if own:
            return Subject(Scope.INSTANCES, next(iter(own.values())))
        naming_field = next(filter(None, (naming_by_id[id(fields)] for fields in alert)), "")
        return Subject(Scope.UNKNOWN if naming_field else Scope.GROUP, naming_field=naming_field)

    return [subject(alert) for alert in alerts]


def subject_of_metric(dimensions: object, namespaces: Iterable[str], data: Fields) -> Subject:
    """Returns the subject of a metric's alarm: its dimensions are fields, or a list of them, or
    unreadable. `data` is what the message says besides about the resource.

    A metric without a namespace counts as one of ECS: it is of a group only if it says so.
    """
    entries = dimensions if isinstance(dimensions, list) else [dimensions]
    resources = [entry for entry in entries if isinstance(entry, dict)]
    ids = _instance_ids(resources)
    if ids:
        return Subject(Scope.INSTANCES, ids)
    lowered = [namespace.lower() for namespace in namespaces]
    is_of_instances = not lowered or any(n.startswith(INSTANCE_NAMESPACES) for n in lowered)
    is_product = not is_of_instances and all(
        n.startswith("acs_") and not n.startswith(CUSTOM_NAMESPACES) for n in lowered
    )
    naming_field = _naming_field((*resources, data), is_product)
    is_readable = len(resources) == len(entries)
    if is_product:
        is_group = is_readable or dimensions in (None, *ABSENT)
    elif is_of_instances:
        is_group = is_readable and bool(resources) and all(map(_is_group, resources))
    else:
        is_group = is_readable and bool(resources) and all(resources)
    scope = Scope.GROUP if is_group and not naming_field else Scope.UNKNOWN
    return Subject(scope, naming_field=naming_field)


def instance_ids_of(*values: object) -> tuple[str, ...]:
    """Returns the first ECS instance id among the values, which may be ids or ARNs; or nothing."""
    for value in values:
        last_part = value.rsplit("/", 1)[-1] if isinstance(value, str) else ""
        found = INSTANCE_ID.fullmatch(last_part)
        if found:
            return (found[1],)
    return ()


def _ids_in(value: object) -> tuple[str, ...]:
    """Each id in a text, a list of texts, or the text of a list: `i-1,i-2`, `["i-1", "i-2"]`."""
    texts = value if isinstance(value, list) else [value]
    parts = (
        part.strip(LIST_MARKS)
        for text in texts
        if isinstance(text, str)
        for part in text.split(",")
    )
    return tuple(dict.fromkeys(id for part in parts for id in instance_ids_of(part)))


def _instance_ids(resources: Sequence[Fields]) -> tuple[str, ...]:
    """The id of each resource that has one which can be read."""
    names = _id_names(_names(resources))
    ids = (
        id
        for resource in resources
        for id in instance_ids_of(*(resource.get(name) for name in names))
    )
    return tuple(dict.fromkeys(ids))


def _naming_field(resources: Sequence[Fields], is_product: bool) -> str:
    """The name of the first field that names one instance or may do so; "" if none does.

    A product calls what is its own an instance, and gives addresses of its own. Each name and each
    text is looked at once, however many resources have it.
    """
    by_name = (
        name
        for name in _names(resources)
        if not (is_product and _plain(name) in (*ID_NAMES, "instancename"))
        and INSTANCE_NAME.search(_plain(name))
    )
    return next(by_name, "") or next(_names_of_texts(resources, is_product), "")


def _names_of_texts(resources: Sequence[Fields], is_product: bool) -> Iterator[str]:
    """Names of the fields whose values show one instance, or cannot be read."""
    name_by_text: dict[str, str] = {}
    for fields in resources:
        for name, value in fields.items():
            if isinstance(value, str):
                name_by_text.setdefault(value, name)
            elif isinstance(value, (dict, list)):
                yield name
    for text, name in name_by_text.items():
        if _is_naming_text(text, is_product):
            yield name


def _is_naming_text(text: str, is_product: bool) -> bool:
    return bool(
        instance_ids_of(text)
        or INSTANCE_TEXT.search(text)
        or (not is_product and ADDRESS.search(text))
    )


def _is_group(resource: Fields) -> bool:
    """Whether the dimensions have a group, and nothing else but an account and a region."""
    value_by_name = {_plain(name): value for name, value in resource.items()}
    groups = [value for name, value in value_by_name.items() if name in GROUP_NAMES]
    return value_by_name.keys() <= {*GROUP_NAMES, *PLACE_NAMES} and any(
        str(value) not in NO_GROUP for value in groups if value is not None
    )


def _id_names(names: Iterable[str]) -> list[str]:
    """Those names that are of ids, in their order of precedence."""
    id_names = [name for name in names if _plain(name) in ID_NAMES]
    return sorted(id_names, key=lambda name: ID_NAMES.index(_plain(name)))


def _names(resources: Sequence[Fields]) -> list[str]:
    return list(dict.fromkeys(name for fields in resources for name in fields))


def _plain(name: str) -> str:
    return SEPARATORS.sub("", name).lower()
