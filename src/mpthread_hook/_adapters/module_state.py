"""What a module held when it had just been imported, so that it can be made to hold it again."""

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
# Names that the interpreter sets on classes and modules by itself, later than the code of the module runs.
_NOT_STATE = frozenset(
    ("__doc__", "__module__", "__dict__", "__weakref__", "__annotations__", "__annotate__", "__subclasshook__",
     "__annotations_cache__", "__annotate_func__", "_abc_impl", "__abstractmethods__", "__dataclass_fields__",
     "__dataclass_params__", "__slots__", "__parameters__", "__orig_bases__", "__firstlineno__",
     "__static_attributes__", "_member_map_", "_value2member_map_", "_member_names_")
)  # fmt: skip


class Snapshot:
    """The names of a module and, one level below, what its containers, classes and instances hold.

    Functions that cache (`functools.lru_cache`) start empty again.
    """

    __slots__ = ("_caches", "_classes", "_containers", "_instances", "_names")

    def __init__(self, module: ModuleType) -> None:
        names = vars(module)
        self._names = dict(names)
        self._containers: list[tuple[Any, Any]] = []
        self._classes: list[tuple[type, dict[str, Any]]] = []
        self._instances: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._caches: list[Any] = []
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
                self._note_class(value)
        elif kind.__module__ == owner and type(getattr(value, "__dict__", None)) is dict:
            state = value.__dict__
            self._instances.append((state, dict(state)))
            for held in state.values():
                if type(held) in _CONTAINERS:
                    self._note_container(held)

    def _note_container(self, container: Any) -> None:
        self._containers.append((container, container.copy()))
        if type(container) is dict:
            for held in container.values():
                if type(held) in (list, dict, set):
                    self._containers.append((held, held.copy()))

    def _note_class(self, cls: type) -> None:
        state = {name: value for name, value in vars(cls).items() if name not in _NOT_STATE}
        self._classes.append((cls, state))
        for value in state.values():
            kind = type(value)
            if kind in _CONTAINERS:
                self._note_container(value)
            elif kind is _CachedFunction:
                self._caches.append(value)

    def restore(self, module: ModuleType) -> None:
        """Undo what was done to the module since; submodules that were imported meanwhile stay."""
        _restore_dict(vars(module), self._names)
        for container, copy in self._containers:
            if container != copy:
                _refill(container, copy)
        for state, copy in self._instances:
            if state != copy:
                state.clear()
                state.update(copy)
        for cls, state in self._classes:
            _restore_class(cls, state)
        for function in self._caches:
            function.cache_clear()


def _restore_dict(names: dict[str, Any], saved: dict[str, Any]) -> None:
    for name, value in saved.items():
        if names.get(name, _ABSENT) is not value:
            names[name] = value
    if len(names) != len(saved):
        for name in names.keys() - saved.keys():
            if not isinstance(names[name], ModuleType):
                del names[name]


def _restore_class(cls: type, saved: dict[str, Any]) -> None:
    names = vars(cls)
    for name, value in saved.items():
        if names.get(name, _ABSENT) is not value:
            setattr(cls, name, value)
    if len(names) > len(saved):
        for name in names.keys() - saved.keys() - _NOT_STATE:
            # Interpreter-made names (`__static_attributes__` and what comes) are not state of the program.
            if not name.startswith("__"):
                delattr(cls, name)


def _refill(container: Any, copy: Any) -> None:
    if isinstance(container, (list, bytearray)):
        container[:] = copy
        return
    container.clear()
    if isinstance(container, deque):
        container.extend(copy)
    else:
        container.update(copy)
