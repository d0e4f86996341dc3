"""What every compared program needs: start a child, wait for it, say how it ended, never with a pid."""

from __future__ import annotations

import multiprocessing
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds after which a child is taken for stuck; far more than any of them needs, on a busy machine as well.
LIMIT = 30.0


def only(*methods: str) -> Callable[[Any], Any]:
    """Limit a case to the start methods under which it makes sense; read from the source by the tests."""
    del methods
    return lambda function: function


def say(*words: object) -> None:
    """Print a line at once, so that lines of different processes stand in the order of their making."""
    print(*words, flush=True)


def launch(target: Callable[..., object], *args: Any, name: str = "child", daemon: bool | None = None) -> Any:
    """Start a child and return its process object."""
    process = multiprocessing.Process(target=target, args=args, name=name, daemon=daemon)
    process.start()
    return process


def finish(process: Any, limit: float = LIMIT) -> None:
    """Wait for a child and print its exit code; one that is stuck is ended, and the line says so."""
    process.join(limit)
    if process.is_alive():
        say(f"{process.name}: still alive after {limit:g} s")
        process.kill()
        process.join(limit)
    say(f"{process.name}: exit code {process.exitcode}")


def run(target: Callable[..., object], *args: Any, name: str = "child", daemon: bool | None = None) -> None:
    """Start a child, wait for it, print its exit code."""
    finish(launch(target, *args, name=name, daemon=daemon))


def settle(seconds: float = 0.05) -> None:
    """Give a child that is about to block the time to do it; the outcome is the same if it has not."""
    time.sleep(seconds)


def attempt(function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """Call a function and print what it returned or raised."""
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        say(f"{type(error).__name__}: {error}")
    else:
        say(repr(result))


def receive(connection: Any, limit: float = LIMIT) -> Any:
    """Return the next object of a connection, "EOF" at its end, "nothing" if none comes in time."""
    try:
        return connection.recv() if connection.poll(limit) else "nothing"
    except EOFError:
        return "EOF"
    except OSError as error:
        return type(error).__name__


def promptly(began: float, limit: float = LIMIT) -> str:
    """Say whether something that began then was over soon: long before what was waited for, if not at once."""
    taken = time.monotonic() - began
    return "promptly" if taken < limit else f"only after {taken:.1f} s"


def flush() -> None:
    """Write out what was printed so far."""
    sys.stdout.flush()
    sys.stderr.flush()
