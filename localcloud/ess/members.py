"""The members of a group, and what follows from them: made once, and again after a change.

Nothing has to say that it changes a member: setting an attribute does, and so does each way to
change a dict. What is made while another thread changes a member goes into a container that the
change has replaced, so it is not used again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, TypeVar

Made = TypeVar("Made")
M = TypeVar("M", bound="Member")


class _Remembering:
    """Remembers what was made of it, until it forgets."""

    _made: dict[Hashable, Any] | None = None

    def remembered(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Returns what `make` returned since the last change. It must follow from this alone."""
        made = self._made
        if made is None:
            made = {}
            object.__setattr__(self, "_made", made)
        if key not in made:
            made[key] = make()
        what: Made = made[key]
        return what

    def forget(self) -> None:
        if self._made is not None:
            object.__setattr__(self, "_made", None)


class Member(_Remembering):
    """One member. Its attributes are values that do not change by themselves."""

    _members: Members[Any] | None = None

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if self._made is not None:
            self.forget()
        if self._members is not None:
            self._members.forget()

    def belong_to(self, members: Members[Any] | None) -> None:
        """Tells these of changes from now on. Raises ValueError for a member of others."""
        others = self._members
        if members is not None and others is not None and others is not members:
            raise ValueError("a member belongs to one group")
        object.__setattr__(self, "_members", members)


class Members(dict[str, M], _Remembering):
    """The members of a group by id."""

    def __init__(self, members: Mapping[str, M] | None = None) -> None:
        super().__init__(members or {})
        self._orders: list[tuple[M, ...]] = []  # at most one
        for member in self.values():
            member.belong_to(self)

    def __setitem__(self, id: str, member: M) -> None:
        member.belong_to(self)
        before = self.get(id)
        if before is not None and before is not member:
            before.belong_to(None)
        super().__setitem__(id, member)
        self._orders = []
        self.forget()

    def __delitem__(self, id: str) -> None:
        self[id].belong_to(None)
        super().__delitem__(id)
        self._orders = []
        self.forget()

    # Those of dict would not pass by the two above.
    pop = MutableMapping.pop
    popitem = MutableMapping.popitem
    clear = MutableMapping.clear
    update = MutableMapping.update
    setdefault = MutableMapping.setdefault

    def __ior__(self, others: Any) -> Members[M]:  # type: ignore[override,misc]
        self.update(others)
        return self

    def listed(self) -> tuple[M, ...]:
        """Returns the members as `listed` does, sorted again only when others are members."""
        orders = self._orders
        if not orders:
            orders.append(listed(self))
        return orders[0]


def listed(member_by_id: Mapping[str, Made]) -> tuple[Made, ...]:
    """Returns the values in an order that means nothing: ESS documents none to rely on."""
    return tuple(member_by_id[id] for id in sorted(member_by_id, key=_mixed))


@lru_cache(maxsize=100_000)
def _mixed(id: str) -> bytes:
    return hashlib.sha256(id.encode()).digest()
