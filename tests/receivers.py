"""Web servers on the loopback that keep what they are told, for tests of notices and pings."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Heard:
    """What came in, in order: path and text; `status` is what is answered."""

    status: int = 200
    port: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.told]

    def take(self, path: str, text: str) -> None:
        with self._came:
            self.told.append((path, text))
            self._came.notify_all()

    def wait_for(self, count: int, patience_s: float = 60) -> list[str]:
        """Wait until so much has come in; returns the paths."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.told) >= count, patience_s), self.told
        return self.paths


@contextmanager
def receiver(*, tls: tuple[Path, Path] | None = None) -> Iterator[Heard]:
    """Answer every request, over TLS with a certificate and its key where given."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            heard.take(self.path, text)
            self.send_response(heard.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that refuses our certificate

    with Quiet(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        heard.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join(10)
