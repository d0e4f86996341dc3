"""What is said of the processes and threads of one moment."""

from __future__ import annotations

import queue
import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import FrameType

pytestmark = [pytest.mark.unit]


def test_a_frame_of_the_program_is_its_own_place() -> None:
    """Code of the program that runs has called nothing."""
    from mpthread_hook._observe.listing import place

    called, at = place(sys._getframe())
    assert called == ""
    assert at.startswith("test_listing.py:")
    assert at.endswith(" in test_a_frame_of_the_program_is_its_own_place")


def test_frames_of_libraries_are_passed_over() -> None:
    """What the program's innermost line called is named, whatever that called in turn."""
    from mpthread_hook._observe.listing import place

    found = []

    class Queue(queue.Queue[int]):
        def _qsize(self) -> int:
            frame: FrameType | None = sys._getframe(1)
            found.append(place(frame))
            return 0

    Queue().empty()
    ((called, at),) = found
    assert called == "Queue.empty"
    assert at.endswith("test_frames_of_libraries_are_passed_over")


def test_a_thread_of_a_library_stands_in_the_library() -> None:
    """Where no line is the program's, the innermost of the standard library is named."""
    from mpthread_hook._observe.listing import place

    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    try:
        assert thread.ident is not None
        called, at = place(sys._current_frames()[thread.ident])
    finally:
        event.set()
        thread.join()
    assert called == ""
    assert at.startswith("threading.py:")


def test_nothing_is_said_of_no_frame() -> None:
    """A thread may have ended meanwhile, or run on a build whose frames must not be looked at."""
    from mpthread_hook._observe.listing import place

    assert place(None) == ("", "")
