"""What the actions do with a request alike: find, filter, set, and list in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.parameters import Parameter, Request

Item = TypeVar("Item")


def is_given(value: Any) -> bool:
    """Whether the call has the parameter of this value."""
    return value is not None and value != []


def named(items: Mapping[str, Item], request: Request, parameter: str) -> Item:
    """Returns the item whose id a parameter has. Raises ApiError where there is none."""
    item = items.get(request[parameter])
    if item is None:
        raise errors.NotFound(parameter)
    return item


def set_given(target: object, request: Request, field_by_parameter: Mapping[str, str]) -> None:
    """Sets a field for each parameter that the call has."""
    for parameter, field in field_by_parameter.items():
        if is_given(request[parameter]):
            setattr(target, field, request[parameter])


def given(request: Request, declared: Iterable[Parameter]) -> dict[str, Any]:
    """Returns the values of those parameters that the call has, by name."""
    names = (parameter.name for parameter in declared)
    return {name: request[name] for name in names if is_given(request[name])}


def matches(request: Request, value_by_parameter: Mapping[str, Any]) -> bool:
    """Whether each parameter that the call has is, or lists, the item's value."""
    for parameter, value in value_by_parameter.items():
        wanted = request[parameter]
        if is_given(wanted) and value not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


def page_reply(
    request: Request, name: str, items: Sequence[Item], view: Callable[[Item], dict[str, Any]]
) -> Reply:
    """Returns one page of the items, as `view` shows them, by PageNumber and PageSize."""
    return page_of_total(request, name, items, len(items), view)


def page_of_total(
    request: Request,
    name: str,
    items: Iterable[Item],
    total: int,
    view: Callable[[Item], dict[str, Any]],
) -> Reply:
    """Returns one page of that many items, without going on to those that follow it."""
    number, size = request["PageNumber"], request["PageSize"]
    return {
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": total,
        name: [view(item) for item in islice(items, (number - 1) * size, number * size)],
    }


def token_page(request: Request, items: Sequence[Item], size: int) -> tuple[Sequence[Item], Reply]:
    """Returns the items from NextToken on, and the field that says where the next page starts."""
    start = int(request["NextToken"] or 0)
    end = start + size
    return items[start:end], {"NextToken": str(end)} if end < len(items) else {}
