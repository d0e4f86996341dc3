"""Syntax trees until 3.11, where threads that make them at the same time disturb each other.

The interpreter counts the depth of the tree that it is making in one place for all threads (gh-106905), and
raises SystemError or RecursionError when another thread came in between.  The tree itself is right or is not
given out, and making one has no other effect: so it is made again.  (A lock would have to be held while the
collector runs finalizers of programs, and so could not be.)
"""

from __future__ import annotations

import ast
import functools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_real_parse = ast.parse
# One time in ten it takes a second attempt when four threads do nothing else, and never took a third.
_ATTEMPTS = 100


@functools.wraps(_real_parse)
def parse(*args: Any, **kwargs: Any) -> Any:
    """As `ast.parse`."""
    for _ in range(_ATTEMPTS):
        try:
            return _real_parse(*args, **kwargs)
        except SystemError as error:
            if "recursion depth" not in str(error):
                raise
    return _real_parse(*args, **kwargs)
