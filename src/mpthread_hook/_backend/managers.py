"""A short way from a proxy to its manager (`multiprocessing.managers`), for the proxies of plain data.

Managers, servers and proxies are the interpreter's own and talk over `Listener` and `Client`.  Where both
ends are in this program, a proxy's connection hands a request that is about a dict, list, set, namespace,
value or array straight to the server's own `serve_client`, in the caller's thread, instead of waking the
server's thread.  Arguments and results still travel by value, and the connection was authenticated before.
Everything else (queues, locks, classes of programs) keeps the long way, because its methods may block.
"""

from __future__ import annotations

import array
import pickle

from .._identity import HERE, ThreadProcess, acting_as
from .connection import Connection, dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

# Types of referents whose methods do not block; completed by install().
_direct: set[type] = {dict, list, set, array.array}


class _Exchange:
    """One request and its reply, as the connection that a server reads from."""

    __slots__ = ("_request", "reply")

    def __init__(self, request: bytes) -> None:
        self._request: bytes | None = request
        self.reply: bytes | None = None

    def recv(self) -> Any:
        """Return the request; the second call is the end of file."""
        request, self._request = self._request, None
        if request is None:
            raise EOFError
        return pickle.loads(request)

    def send(self, message: Any) -> None:
        """Keep the reply."""
        self.reply = dumps(message)

    def close(self) -> None:
        """Nothing is open."""


class DirectConnection:
    """A proxy's connection that calls the server itself while the server serves it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reply: bytes | None = None

    def send(self, request: Any) -> None:
        """Have the server answer the request, or send it the long way if the server is going or gone."""
        entry: tuple[Any, ThreadProcess] | None = self._connection._end.peer.server
        if entry is None or entry[1].status is not None:
            self._connection.send(request)
            return
        server, process = entry
        referent = server.id_to_obj.get(request[0])
        if referent is None or type(referent[0]) not in _direct:
            self._connection.send(request)
            return
        exchange = _Exchange(dumps(request))
        with acting_as(process):
            try:
                server.serve_client(exchange)
            except SystemExit:  # how serve_client() ends at the end of file
                thread = HERE.thread
                if thread is not None and thread.process.status is not None:
                    raise  # not that: the caller's own process has ended
        self._reply = exchange.reply

    def recv(self) -> Any:
        """Return the reply to the request sent last."""
        reply, self._reply = self._reply, None
        if reply is None:
            return self._connection.recv()
        return pickle.loads(reply)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.managers`: servers say which connection they serve, proxies look."""
    served: Any = module
    stock_serve = served.Server.serve_client
    stock_connect = served.BaseProxy._connect

    def serve_client(self: Any, conn: Any) -> Any:
        """Serve the requests that come in over ``conn``."""
        end = conn._end if isinstance(conn, Connection) else None
        if end is None:
            return stock_serve(self, conn)
        end.server = (self, HERE.process)
        try:
            return stock_serve(self, conn)
        finally:
            end.server = None

    def _connect(self: Any) -> None:
        stock_connect(self)
        connection = getattr(self._tls, "connection", None)
        if isinstance(connection, Connection):
            self._tls.connection = DirectConnection(connection)

    _direct.update((served.Namespace, served.Value))
    for function in (serve_client, _connect):
        function.__module__ = module.__name__
    served.Server.serve_client = serve_client
    served.BaseProxy._connect = _connect


