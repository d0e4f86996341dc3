"""The record of every foreign thing that we change, so that it can be undone exactly."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import Any

_ABSENT: Any = object()


class Journal:
    """Changes attributes and mapping entries, and remembers what was there before."""

    def __init__(self) -> None:
        #: Functions and what they are called with: tuples, because a lambda for each change takes much longer.
        self._undo: list[tuple[Callable[..., object], Any, Any, Any]] = []
        self._originals: dict[tuple[str, str], Any] = {}

    def set(self, namespace: Any, key: str, value: Any) -> None:
        """Set an attribute of ``namespace``; deletes it again at undo if it was not its own before."""
        own = vars(namespace).get(key, _ABSENT) if hasattr(namespace, "__dict__") else getattr(namespace, key)
        name = getattr(namespace, "__name__", None)
        if isinstance(name, str):
            self._originals.setdefault((name, key), own)
        setattr(namespace, key, value)
        self._undo.append((_set_back, namespace, key, own))

    def item(self, mapping: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        """Set ``mapping[key]``."""
        old = mapping.get(key, _ABSENT)
        mapping[key] = value
        self._undo.append((_put_back, mapping, key, old))

    def pop(self, mapping: MutableMapping[Any, Any], key: Any) -> None:
        """Take ``key`` out of ``mapping``."""
        old = mapping.pop(key, _ABSENT)
        self._undo.append((_put_back, mapping, key, old))

    def undo(self, function: Callable[[], object]) -> None:
        """Call ``function()`` when the changes are undone."""
        self._undo.append((_call, function, None, None))

    def original(self, module: str, name: str) -> Any:
        """Return what ``module.name`` was before the first change; KeyError if it was not changed."""
        value = self._originals[module, name]
        if value is _ABSENT:
            raise KeyError((module, name))
        return value

    def __len__(self) -> int:
        return len(self._undo)

    def rollback(self) -> None:
        """Undo every change, last one first; goes on past a failure and raises the first one at the end."""
        failure: BaseException | None = None
        while self._undo:
            try:
                undo, *arguments = self._undo.pop()
                undo(*arguments)
            except Exception as error:  # one that cannot be undone must not keep the others
                failure = failure or error
        self._originals.clear()
        if failure is not None:
            raise failure


def _set_back(namespace: Any, key: str, old: Any) -> None:
    if old is not _ABSENT:
        setattr(namespace, key, old)
    elif hasattr(namespace, key):
        delattr(namespace, key)


def _call(function: Callable[[], object], _key: None, _old: None) -> None:
    function()


def _put_back(mapping: MutableMapping[Any, Any], key: Any, old: Any) -> None:
    if old is _ABSENT:
        mapping.pop(key, None)
    else:
        mapping[key] = old
