"""Arguments as CPython's C functions take them: the same are refused, with the same errors in the same words."""

from __future__ import annotations

import sys
from _operator import index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INT = (1 << 31) - 1
_LONG = (1 << 63) - 1
#: Seconds that a time can count, in nanoseconds of 64 bits.
_LONGEST = _LONG / 1e9
_TIME = "PyTime_t" if sys.version_info >= (3, 13) else "_PyTime_t"
#: Whether C says the same of every number that is too large, whatever it is for.
_SAYS_THE_SAME = sys.version_info >= (3, 14)


def as_int(value: Any) -> int:
    """Return a C int as Argument Clinic takes it (`signal.alarm`); TypeError or OverflowError."""
    number = index(value)
    if not -_INT - 1 <= number <= _INT:
        raise OverflowError("Python int too large to convert to C int")
    return number


def as_pid(value: Any) -> int:
    """Return a C int as `PyArg_Parse` takes it for ``i`` (`os.kill`); TypeError or OverflowError."""
    number = index(value)
    if -_INT - 1 <= number <= _INT:
        return number
    if _SAYS_THE_SAME or not -_LONG - 1 <= number <= _LONG:
        raise OverflowError(f"Python int too large to convert to C {'int' if _SAYS_THE_SAME else 'long'}")
    raise OverflowError(f"signed integer is {'greater than maximum' if number > 0 else 'less than minimum'}")


def as_seconds(value: Any) -> float:
    """Return seconds as `time.sleep` takes them, perhaps negative; TypeError, ValueError or OverflowError."""
    number = value if isinstance(value, float) else _as_number(value)
    if -_LONGEST < number < _LONGEST:
        return number
    if number != number:  # noqa: PLR0124 - NaN
        raise ValueError("Invalid value NaN (not a number)")
    if _SAYS_THE_SAME:
        raise OverflowError(f"timestamp out of range for C {_TIME}")
    if isinstance(number, float):
        raise OverflowError("timestamp out of range for platform time_t")
    raise OverflowError(f"timestamp too large to convert to C {_TIME}")


if sys.version_info >= (3, 15):

    def _as_number(value: Any) -> float:
        return index(value) if hasattr(type(value), "__index__") else as_real(value)

elif sys.version_info >= (3, 14):

    def _as_number(value: Any) -> float:
        try:
            return index(value)
        except TypeError:
            kind = type(value)
            module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
            raise TypeError(
                f"'{module}{kind.__qualname__}' object cannot be interpreted as an integer or float"
            ) from None

else:
    _as_number = index


def as_real(value: Any) -> float:
    """Return a C double; TypeError for what is no number (`float` takes texts as well)."""
    kind = type(value)
    if kind not in (int, float) and not hasattr(kind, "__float__") and not hasattr(kind, "__index__"):
        raise TypeError(f"must be real number, not {kind.__name__}")
    return float(value)
