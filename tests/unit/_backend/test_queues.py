"""Queue, JoinableQueue and SimpleQueue."""

from __future__ import annotations

import queue

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


class Unpicklable:
    def __reduce__(self) -> Any:
        raise NotImplementedError("not this one")


def test_bounds(mp: Any) -> None:
    """A bounded queue is full at its size, and says so by queue.Full; an empty one by queue.Empty."""
    bounded = mp.Queue(2)
    bounded.put(1)
    bounded.put(2)
    assert bounded.full()
    assert bounded.qsize() == 2
    with pytest.raises(queue.Full):
        bounded.put(3, timeout=0.01)
    with pytest.raises(queue.Full):
        bounded.put_nowait(3)
    assert [bounded.get(), bounded.get()] == [1, 2]
    assert bounded.empty()
    with pytest.raises(queue.Empty):
        bounded.get(timeout=0.01)
    with pytest.raises(queue.Empty):
        bounded.get_nowait()


def test_what_cannot_be_pickled(mp: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Queue.put reports it as the stdlib's feeder thread does and goes on; SimpleQueue.put raises."""
    bounded = mp.Queue(1)
    bounded.put(Unpicklable())
    assert "NotImplementedError: not this one" in capsys.readouterr().err
    bounded.put(True)
    assert bounded.get(timeout=LONG) is True
    with pytest.raises(NotImplementedError, match="not this one"):
        mp.SimpleQueue().put(Unpicklable())


def test_closing_is_about_one_process(mp: Any) -> None:
    """close() in the parent does not close the child's queue."""
    items = mp.Queue()
    go = mp.Event()

    def child() -> None:
        go.wait(LONG)
        items.put("still open")

    process = mp.Process(target=child)
    process.start()
    other = mp.Queue()
    other.close()
    with pytest.raises(ValueError, match="is closed"):
        other.put(1)
    go.set()
    process.join(LONG)
    assert items.get(timeout=LONG) == "still open"
    items.close()
    items.join_thread()
    with pytest.raises(ValueError, match="is closed"):
        items.get()


def produce(items: Any, start: int) -> None:
    for number in range(start, start + 50):
        items.put((number, [number]))


def test_many_producers_and_consumers(ctx: Any) -> None:
    """Nothing is lost or doubled between children of each start method."""
    items = ctx.Queue(10)
    producers = [ctx.Process(target=produce, args=(items, 100 * number)) for number in range(4)]
    for producer in producers:
        producer.start()
    received = sorted(items.get(timeout=LONG)[0] for _ in range(200))
    for producer in producers:
        producer.join(LONG)
        assert producer.exitcode == 0
    assert received == sorted(100 * number + step for number in range(4) for step in range(50))


def consume(items: Any) -> None:
    while True:
        number = items.get()
        items.task_done()
        if number is None:
            return


def test_joinable(ctx: Any) -> None:
    """join() returns when everything that was put is done; task_done() too often is an error."""
    items = ctx.JoinableQueue()
    workers = [ctx.Process(target=consume, args=(items,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for number in range(100):
        items.put(number)
    items.join()
    for _ in workers:
        items.put(None)
    items.join()
    for worker in workers:
        worker.join(LONG)
        assert worker.exitcode == 0
    with pytest.raises(ValueError, match="task_done"):
        items.task_done()


def test_ten_thousand_items_nobody_reads(mp: Any) -> None:
    """A child that filled a queue ends although nobody has read it."""
    items = mp.Queue()

    def fill() -> None:
        for number in range(10_000):
            items.put(number)

    process = mp.Process(target=fill)
    process.start()
    process.join(LONG)
    assert process.exitcode == 0
    assert items.qsize() == 10_000
