"""What the emulated functions cost the main program, which does not use multiprocessing at that moment."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from . import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.worlds import World

WORLDS = ("fork", "hook")


def wait_for(queue: Any) -> None:
    """Be a live child."""
    queue.get()


def _getpid(number: int) -> None:
    function = os.getpid
    for _ in range(number):
        function()


def _print(number: int) -> None:
    for _ in range(number):
        print("x")


def _environ(number: int) -> None:
    get = os.environ.get
    for _ in range(number):
        get("HOME")


def _thread(number: int) -> None:
    for _ in range(number):
        thread = threading.Thread(target=_nothing)
        thread.start()
        thread.join()


def _nothing() -> None:
    pass


def _current_thread(number: int) -> None:
    function = threading.current_thread
    for _ in range(number):
        function()


def _open(number: int) -> None:
    for _ in range(number):
        open(os.devnull).close()


def _write(number: int) -> None:
    fd = sys.stdout.fileno()
    for _ in range(number):
        os.write(fd, b"")


def _stat(number: int) -> None:
    for _ in range(number):
        os.stat("/")


def _sleep(number: int) -> None:
    for _ in range(number):
        time.sleep(0)


def _getcwd(number: int) -> None:
    for _ in range(number):
        os.getcwd()


def _plain(function: Callable[[int], None], *, child: bool) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        queue = world.SimpleQueue()
        if child:
            world.child(wait_for, queue)
        yield function
        if child:
            queue.put(None)

    return prepare


for _name, _text, _function in (
    ("getpid", "os.getpid()", _getpid),
    ("print", "print()", _print),
    ("environ_get", "os.environ.get()", _environ),
    ("thread", "Thread start and join", _thread),
    ("current_thread", "threading.current_thread()", _current_thread),
    ("open", "open() and close()", _open),
    ("write", "os.write()", _write),
    ("stat", "os.stat()", _stat),
    ("sleep", "time.sleep(0)", _sleep),
    ("getcwd", "os.getcwd()", _getcwd),
):
    program(f"plain.{_name}", f"{_text} in the main program", WORLDS)(_plain(_function, child=False))
    program(f"beside.{_name}", f"{_text} in the main program beside a live child", WORLDS)(
        _plain(_function, child=True)
    )
