"""The hidden generator behind the functions of `random`, of each process.

A child starts with one that is freshly seeded, as after a fork, where `random` itself sees to it, or in a new
program.  While there are thread processes the instance has a class that looks for the generator of the process
that asks: so it does for functions that were imported by name, except `random` and `getrandbits`, which are
the instance's own C methods.
"""

from __future__ import annotations

import random as _real
from _random import Random as _Core

from .._identity import HERE, MAIN
from . import presence
from .builtin import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal

functions = Functions(__name__)

_module: Any = _real  # its private name, which typeshed does not know
_instance: Any = getattr(_module, "_inst", None)
_real_random, _real_getrandbits = _real.random, _real.getrandbits
#: Key in the state of a process: its generator.
_OWN = "random"


def _own() -> _real.Random:
    """Return the generator of the calling process, which is not the main program."""
    state = HERE.process.state
    generator: _real.Random | None = state.get(_OWN)
    if generator is None:
        generator = state.setdefault(_OWN, _real.Random())
    return generator


class _OfProcess(_Core):
    """What `random.Random` is built on, for the process that asks; below it in the order of classes."""

    __slots__ = ()

    def random(self) -> float:
        return _real_random() if HERE.process is MAIN else _own().random()

    def getrandbits(self, k: int, /) -> int:
        return _real_getrandbits(k) if HERE.process is MAIN else _own().getrandbits(k)

    def seed(self, *args: Any) -> None:
        if HERE.process is MAIN:
            super().seed(*args)
        else:
            _Core.seed(_own(), *args)

    def getstate(self) -> Any:
        return super().getstate() if HERE.process is MAIN else _Core.getstate(_own())

    def setstate(self, state: Any, /) -> None:
        if HERE.process is MAIN:
            super().setstate(state)
        else:
            _Core.setstate(_own(), state)


class _Shared(_real.Random, _OfProcess):
    """The class of the hidden instance while there are thread processes."""

    @property
    def gauss_next(self) -> float | None:
        return vars(self if HERE.process is MAIN else _own())["gauss_next"]  # type: ignore[no-any-return]

    @gauss_next.setter
    def gauss_next(self, value: float | None) -> None:
        vars(self if HERE.process is MAIN else _own())["gauss_next"] = value


_Shared.__name__ = _Shared.__qualname__ = "Random"
_Shared.__module__ = "random"


@functions
def random(_: object) -> float:
    """As `random.random`."""
    return _real_random() if HERE.process is MAIN else _own().random()


@functions
def getrandbits(_: object, k: int, /) -> int:
    """As `random.getrandbits`."""
    return _real_getrandbits(k) if HERE.process is MAIN else _own().getrandbits(k)


def _lay_on() -> None:
    if type(_instance) is _real.Random:
        _instance.__class__ = _Shared
        for ours, real in ((random, _real_random), (getrandbits, _real_getrandbits)):
            if getattr(_real, real.__name__) is real:
                setattr(_real, real.__name__, ours)


def _lift() -> None:
    if isinstance(_instance, _Shared):
        _instance.__class__ = _real.Random  # type: ignore[assignment]
        for ours, real in ((random, _real_random), (getrandbits, _real_getrandbits)):
            if getattr(_real, real.__name__) is ours:
                setattr(_real, real.__name__, real)


def install(journal: Journal) -> None:
    """Give each process its own generator while there are thread processes."""
    if _instance is not None and getattr(_real_random, "__self__", None) is _instance:
        journal.undo(presence.during(_lay_on, _lift))
