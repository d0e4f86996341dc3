"""What modules held when they had been imported, so that they can be made to hold it again.

Importing a module changes others too: it registers classes, patches functions.  So what an import changes is
part of what is remembered, and what the program changes by itself is not (`begin`, `end`).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from functools import lru_cache
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ABSENT: Any = object()
_CONTAINERS = frozenset((list, dict, set, OrderedDict, defaultdict, deque, bytearray))
_CachedFunction = type(lru_cache(maxsize=None)(lambda: None))
# Names that the interpreter sets on classes by itself, later than the code of the module runs.
_NOT_STATE = frozenset(
    ("__doc__", "__module__", "__dict__", "__weakref__", "__annotations__", "__annotate__", "__subclasshook__",
     "__annotations_cache__", "__annotate_func__", "_abc_impl", "__abstractmethods__", "__dataclass_fields__",
     "__dataclass_params__", "__slots__", "__parameters__", "__orig_bases__", "__firstlineno__",
     "__static_attributes__", "_member_map_", "_value2member_map_", "_member_names_")
)  # fmt: skip


def _same(names: Any, copy: dict[str, Any]) -> bool:
    """Return quickly whether nothing has changed; equal is as good as identical here."""
    try:
        return bool(names == copy)
    except Exception:  # of a value that cannot be compared
        return False


class _Container:
    """A list, dict, set or their like."""

    __slots__ = ("_container", "_copy")

    def __init__(self, container: Any) -> None:
        self._container = container
        self.renew()

    def renew(self) -> None:
        self._copy = self._container.copy()

    def changed(self) -> bool:
        return bool(self._container != self._copy)

    def restore(self) -> None:
        container, copy = self._container, self._copy
        if isinstance(container, (list, bytearray)):
            container[:] = copy
            return
        container.clear()
        if isinstance(container, deque):
            container.extend(copy)
        else:
            container.update(copy)


class _Names:
    """The names of a module or of an instance; submodules that are imported later are no change."""

    __slots__ = ("_copy", "_names")

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self.renew()

    def renew(self) -> None:
        self._copy = dict(self._names)

    def changed(self) -> bool:
        names, copy = self._names, self._copy
        if len(names) == len(copy) and _same(names, copy):
            return False
        for name, value in copy.items():
            if names.get(name, _ABSENT) is not value:
                return True
        return len(names) != len(copy) and any(
            not isinstance(names[name], ModuleType) for name in names.keys() - copy.keys()
        )

    def restore(self) -> None:
        names, copy = self._names, self._copy
        names.update(copy)
        for name in names.keys() - copy.keys():
            if not isinstance(names[name], ModuleType):
                del names[name]


class _Attributes:
    """The attributes of a class."""

    __slots__ = ("_cls", "_copy", "_whole")

    def __init__(self, cls: type) -> None:
        self._cls = cls
        self.renew()

    def renew(self) -> None:
        self._whole = dict(vars(self._cls))
        self._copy = {name: value for name, value in vars(self._cls).items() if name not in _NOT_STATE}

    def _added(self) -> set[str]:
        # What else the interpreter may come to set on classes is spelled like this.
        names = vars(self._cls).keys() - self._copy.keys() - _NOT_STATE
        return {name for name in names if not name.startswith("__")}

    def changed(self) -> bool:
        names = vars(self._cls)
        if _same(names, self._whole):
            return False
        for name, value in self._copy.items():
            if names.get(name, _ABSENT) is not value:
                return True
        if self._added():
            return True
        self._whole = dict(names)  # the interpreter has set something
        return False

    def restore(self) -> None:
        names = vars(self._cls)
        for name, value in self._copy.items():
            if names.get(name, _ABSENT) is not value:
                setattr(self._cls, name, value)
        for name in self._added():
            delattr(self._cls, name)


class Snapshot:
    """The names of a module and, one level below, what its containers, classes and instances hold.

    Functions that cache (`functools.lru_cache`) start empty again.
    """

    __slots__ = ("_before", "_caches", "_parts", "_seen")

    def __init__(self, module: ModuleType) -> None:
        names = vars(module)
        self._parts: list[Any] = [_Names(names)]
        self._seen: set[int] = set()
        self._caches: list[Any] = []
        self._before: set[int] = set()
        owner = module.__name__
        for name, value in names.items():
            if name != "__builtins__":
                self._note(value, owner)

    def _note(self, value: Any, owner: str) -> None:
        kind = type(value)
        if kind in _CONTAINERS:
            self._note_container(value)
        elif kind is _CachedFunction:
            self._caches.append(value)
        elif isinstance(value, type):
            if value.__module__ == owner:
                self._parts.append(_Attributes(value))
                self._note_all(vars(value))
        elif kind.__module__ == owner and type(getattr(value, "__dict__", None)) is dict:
            self._parts.append(_Names(value.__dict__))
            self._note_all(value.__dict__)

    def _note_all(self, values: Any) -> None:
        for name, value in values.items():
            kind = type(value)
            if kind in _CONTAINERS and name not in _NOT_STATE:
                self._note_container(value)
            elif kind is _CachedFunction:
                self._caches.append(value)

    def _note_container(self, container: Any) -> None:
        if id(container) in self._seen:
            return
        self._seen.add(id(container))
        self._parts.append(_Container(container))
        if type(container) is dict:
            for held in container.values():
                if type(held) in (list, dict, set):
                    self._note_container(held)

    def begin(self) -> None:
        """Note what the program has changed so far: an import begins."""
        self._before = {index for index, part in enumerate(self._parts) if part.changed()}

    def end(self) -> None:
        """Remember what the import has changed."""
        for index, part in enumerate(self._parts):
            if index not in self._before and part.changed():
                part.renew()

    def restore(self) -> None:
        """Undo what the program did to the module."""
        for part in self._parts:
            if part.changed():
                part.restore()
        for function in self._caches:
            function.cache_clear()
