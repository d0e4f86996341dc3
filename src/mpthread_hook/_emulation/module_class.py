"""Classes of modules with attributes that are answered for the process that asks (`sys`, `os`).

They are on a module only while there are thread processes: what `presence.during` lays on sets the module's
``__class__``, and lifting it sets it back.
"""

from __future__ import annotations

import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Kind(type):
    """Keeps the class of a module from being taken for more than that.

    ``type(sys)`` is how programs (and importlib) spell `types.ModuleType`: to make modules, to derive from
    it, to ask `isinstance`.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        if any(type(base) is mcs for base in bases):
            plain = tuple(base.__base__ if type(base) is mcs else base for base in bases)
            return type(name, plain, namespace, **kwargs)  # type: ignore[arg-type]
        return super().__new__(mcs, name, bases, namespace, **kwargs)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        assert cls.__base__ is not None
        return cls.__base__(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__base__)  # type: ignore[arg-type]

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__base__)  # type: ignore[arg-type]

    def __eq__(cls, other: object) -> bool:
        return (other.__base__ if type(other) is _Kind else other) is cls.__base__

    def __hash__(cls) -> int:
        return hash(cls.__base__)


def _missing(module: ModuleType, name: str) -> Any:
    """Do what a module does for a name that it does not have (PEP 562, and the words of its error)."""
    own = vars(module).get("__getattr__")
    if own is not None:
        return own(name)
    raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)


#: From 3.14 on, code that has run a few times takes the attributes of a module from its dictionary, past the properties
#: of its class, as long as that looks attributes up as a module does.  So it looks them up as other objects do, in C.
_LOOK_AT_THE_CLASS = {"__getattribute__": object.__getattribute__, "__getattr__": _missing}


def class_with(base: Any, attributes: dict[str, Any]) -> type:
    """Return the subclass of a class of modules that has these attributes."""
    namespace = {"__module__": base.__module__, "__doc__": base.__doc__}
    made: type = _Kind(base.__name__, (base,), namespace)
    for name, value in attributes.items():
        put_on(made, name, value)
    return made


def put_on(cls: type, name: str, value: Any) -> None:
    """Give a class of modules an attribute; the code that asks for one that is a property finds it."""
    base: Any = cls.__base__
    looks_up_itself = hasattr(base, "__getattr__") or base.__getattribute__ is not ModuleType.__getattribute__
    if sys.version_info >= (3, 14) and isinstance(value, property) and not looks_up_itself:
        for special, function in _LOOK_AT_THE_CLASS.items():
            setattr(cls, special, function)
    setattr(cls, name, value)


def has_ours(module: ModuleType) -> bool:
    """Return whether a module is of a class that we made: such a class is *equal* to the one below it."""
    return type(type(module)) is _Kind


def take_off(module: ModuleType) -> None:
    """Give a module the class back that it had."""
    if has_ours(module):
        module.__class__ = type(module).__base__  # type: ignore[assignment]
