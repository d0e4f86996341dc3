"""What libraries do on top of `multiprocessing`: they set up logging in workers, serve, and pickle their own way."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import time
import types
from typing import Any

from .stage import finish, launch, receive, say


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
