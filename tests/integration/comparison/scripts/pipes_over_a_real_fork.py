"""A program forks for itself: its pipes lead from one real process to the other, with what was in them."""

from __future__ import annotations

import multiprocessing
import os


def fork(work: object) -> None:
    """Run ``work()`` in a real child and wait for it."""
    pid = os.fork()
    if not pid:
        try:
            work()  # type: ignore[operator]
        finally:
            os._exit(0)
    print("status", os.waitpid(pid, 0)[1], flush=True)


def both_ways() -> None:
    """What was sent before the fork is there once; a hung-up end is seen when both have closed it."""
    ours, theirs = multiprocessing.Pipe()
    for message in (1, "two", (3, [4]), b"five"):
        ours.send(message)
    theirs.send("for the parent")

    def child() -> None:
        ours.close()
        for _ in range(4):
            theirs.send(theirs.recv())

    fork(child)
    theirs.close()
    print([ours.recv() for _ in range(5)], type(ours).__name__, flush=True)
    try:
        print(ours.recv())
    except EOFError:
        print("end of file", flush=True)
    ours.close()
    print(ours.closed, theirs.closed, flush=True)


def one_way() -> None:
    """A notifier that daemons use: the grandchild writes, the grandparent polls."""
    reader, writer = multiprocessing.Pipe(duplex=False)

    def child() -> None:
        reader.close()
        if not os.fork():
            os.setsid()
            writer.send("from the grandchild")
            os._exit(0)
        os.wait()

    fork(child)
    writer.close()
    print(reader.poll(5), reader.recv(), reader.poll(5), reader.writable, writer.closed, flush=True)


def lonely() -> None:
    """An end whose peer is closed stays so."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    writer.send("last words")
    writer.close()

    def child() -> None:
        print(reader.recv(), flush=True)

    fork(child)
    try:
        print(reader.recv())
    except EOFError:
        print("end of file", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    both_ways()
    one_way()
    lonely()
    process = multiprocessing.Process(target=print, args=("a child as ever",))
    process.start()
    process.join()
