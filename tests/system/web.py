"""A small HTTP server on loopback for the modules that speak HTTP, with a list of what it was asked."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTENT = b"content of the file\n" * 1000


class _Handler(BaseHTTPRequestHandler):
    """Answers /json, /echo and /file; everything else is missing."""

    server: Web
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        with self.server.lock:
            self.server.seen.append(f"{self.command} {self.path} {status}")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        # A fixed time, so that a second download may find that nothing changed.
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/json":
            self._answer(200, json.dumps({"path": self.path}).encode())
        elif path == "/file":
            self._answer(200, CONTENT, "text/plain")
        else:
            self._answer(404, b'{"error": "missing"}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply: dict[str, Any] = {"body": json.loads(body), "header": self.headers.get("X-Host")}
        self._answer(201, json.dumps(reply).encode())


class Web(ThreadingHTTPServer):
    """The server; a context manager that serves in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        """Listen on a port that the system chooses."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.seen: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Web:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop to serve."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def variables(self) -> dict[str, str]:
        """Return the variables by which plays find the server."""
        port = str(self.server_address[1])
        return {
            "url": f"http://127.0.0.1:{port}",
            "web_port": port,
            "file_sum": hashlib.sha256(CONTENT).hexdigest(),
        }
