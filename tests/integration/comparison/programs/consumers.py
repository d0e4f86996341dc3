"""What libraries do on top of `multiprocessing`: they set up logging in workers, serve, and pickle their own way."""

from __future__ import annotations

import io
import logging
import logging.config
import logging.handlers
import multiprocessing
import os
import pickle
import signal
import socket
import tempfile
import time
import types
from typing import Any

from .stage import finish, launch, only, receive, run, say


def _configure() -> None:
    logging.basicConfig(level=logging.INFO, format="%(processName)s %(message)s", force=True)
    logging.getLogger("child").info("from the child")


def case_child_configures_logging() -> None:
    """A child that sets up logging for itself, on its own standard error, does not silence its parent."""
    logging.basicConfig(level=logging.INFO, format="%(processName)s %(message)s", force=True)
    logger = logging.getLogger("parent")
    logger.info("before")
    finish(launch(_configure))
    logger.info("after")
    finish(launch(_configure))
    logger.info("at the end")


def _read_records(queue: Any, path: str) -> None:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(processName)s %(name)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    for record in iter(queue.get, None):
        logging.getLogger(record.name).handle(record)


def _send_records(queue: Any) -> None:
    root = logging.getLogger()
    root.addHandler(logging.handlers.QueueHandler(queue))
    root.setLevel(logging.DEBUG)
    for number, level in enumerate((logging.DEBUG, logging.ERROR)):
        logging.getLogger("some.name").log(level, "message %d", number)
    say(len(root.handlers))


def case_records_in_a_queue() -> None:
    """Workers send their records to a process that writes them: each worker's are there once, nobody's else."""
    logging.basicConfig(handlers=[], level=logging.WARNING, force=True)
    queue = multiprocessing.Queue()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log")
        reader = launch(_read_records, queue, path, name="reader")
        for number in range(3):
            finish(launch(_send_records, queue, name=f"worker {number}"))
        root = logging.getLogger()
        root.debug("not the level of the program")
        say(root.handlers, root.level)
        queue.put(None)
        finish(reader)
        with open(path, encoding="utf-8") as file:
            say(file.read())


class _Marks(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = f"marked {record.msg}"
        return True


def _set_up(name: str) -> None:
    logger = logging.getLogger(name)
    say(logger.level, logger.propagate, len(logger.handlers), logger.isEnabledFor(logging.DEBUG))
    logger.setLevel(logging.DEBUG)
    logger.addFilter(_Marks())
    logger.propagate = False
    logger.handlers = [logging.StreamHandler()]
    logger.debug("own set-up")
    logging.config.dictConfig({"version": 1, "root": {"level": "ERROR"}})
    logger.error("disabled")
    say(logger.disabled)


@only("fork")
def case_what_a_child_sets_at_a_logger() -> None:
    """A child begins with its parent's level, handlers and flags, and changes nothing in its parent."""
    logging.basicConfig(level=logging.INFO, format="root %(message)s", force=True)
    logger = logging.getLogger("set up")
    logger.setLevel(logging.WARNING)
    logger.addHandler(logging.StreamHandler())
    for _ in range(2):
        run(_set_up, "set up")
    logger.debug("not shown")
    logger.warning("twice")
    say(logger.level, logger.propagate, len(logger.handlers), logger.filters, logger.disabled)


def _accept(connection: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection.send(server.getsockname())
        accepted, _ = server.accept()
        accepted.sendall(accepted.recv(1))
        os._exit(3)


def case_connections_end_with_their_server() -> None:
    """Who is connected to a process that ends without closing anything sees the end."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_accept, theirs)
    with socket.create_connection(receive(ours)) as client:
        client.settimeout(30)
        client.sendall(b"x")
        say(client.recv(1), client.recv(1))
    finish(process)


class _TakesMethodsApart(pickle.Pickler):
    """Pickles a bound method as its function and its object, as the picklers of cloudpickle and dill do."""

    def reducer_override(self, obj: Any) -> Any:
        return (
            (types.MethodType, (obj.__func__, obj.__self__))
            if type(obj) is types.MethodType
            else NotImplemented
        )


def _round_trip(function: Any) -> Any:
    buffer = io.BytesIO()
    _TakesMethodsApart(buffer).dump(function)
    return pickle.loads(buffer.getvalue())


def _pickle_functions() -> None:
    functions = (os.getpid, os.kill, os.read, os.close, os.chdir, os.waitpid, signal.signal, time.sleep)
    say([_round_trip(function) is function for function in functions])


def case_functions_pickle_by_name() -> None:
    """The functions of the system's modules are pickled by their names, however a pickler takes methods."""
    _pickle_functions()
    finish(launch(_pickle_functions))
