"""A short way from a proxy to its manager (`multiprocessing.managers`), for the proxies of plain data.

Managers, servers and proxies are the interpreter's own and talk over `Listener` and `Client`.  Where both
ends are in this program, a proxy's connection hands a request that is about a dict, list, set, namespace,
value or array straight to the server's own `serve_client`, in the caller's thread, instead of waking the
server's thread.  Arguments and results still travel by value, and the connection was authenticated before.
Everything else (queues, locks, classes of programs) keeps the long way, because its methods may block.
"""

from __future__ import annotations

import array

from .._identity import HERE, ThreadProcess
from .connection import Connection, pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

# Types of referents whose methods do not block; completed by install().
_direct: set[type] = {dict, list, set, array.array}


class _Answered(BaseException):
    """There is no further request; as `serve_client` catches the end of file and has more to do then."""


class _Exchange:
    """One request and its reply, as the connection that a server reads from."""

    __slots__ = ("_request", "reply")

    def __init__(self, request: Any) -> None:
        # Atoms as they are, for nearly all keys and values are some; everything else pickled.
        self._request = pack(request if request[3] else request[:3])
        self.reply: Any = None

    def recv(self) -> Any:
        """Return the request; the second call breaks off the server's loop."""
        message, self._request = self._request, None
        if message is None:
            raise _Answered
        request = unpack(message)
        return request if len(request) == 4 else (*request, {})

    def send(self, message: Any) -> None:
        """Keep the reply."""
        self.reply = pack(message)

    def close(self) -> None:
        """Nothing is open."""


class DirectConnection:
    """A proxy's connection that calls the server itself while the server serves it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reply: Any = None

    def send(self, request: Any) -> None:
        """Have the server answer the request, or send it the long way if the server is going or gone."""
        entry: tuple[Any, ThreadProcess, Any] | None = self._connection._end.peer.server
        if entry is None or entry[1].status is not None:
            self._connection.send(request)
            return
        server, process, serve = entry
        referent = server.id_to_obj.get(request[0])
        if referent is None or type(referent[0]) not in _direct:
            self._connection.send(request)
            return
        exchange = _Exchange(request)
        # What `acting_as` does, on a path that is short enough to notice it.
        here, HERE.process = HERE.process, process
        try:
            serve(server, exchange)
        except _Answered:
            pass
        except SystemExit:  # how serve_client() ends when no reply can be sent
            thread = HERE.thread
            if thread is not None and thread.process.status is not None:
                raise  # not that: the caller's own process has ended
        finally:
            HERE.process = here
        self._reply = exchange.reply

    def recv(self) -> Any:
        """Return the reply to the request sent last."""
        reply, self._reply = self._reply, None
        if reply is None:
            return self._connection.recv()
        return unpack(reply)

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
        own = type(self).serve_client
        end.server = (self, HERE.process, stock_serve if own is serve_client else own)
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


