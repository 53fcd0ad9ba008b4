"""A local HTTP server for pictures, in place of the platform's server for those that users send."""

from __future__ import annotations

import http.server
import mimetypes
import secrets
import threading
from pathlib import Path

__all__ = ["Pictures"]


class Pictures:
    """A server on the loopback interface for the files it was given, under unguessable names."""

    def __init__(self) -> None:
        """Do not listen yet: most chats send no picture."""
        self._files: dict[str, Path] = {}
        self._server: http.server.ThreadingHTTPServer | None = None

    def add(self, path: Path) -> str:
        """Serve a file; return its address, or "" if there is no such file."""
        if not path.is_file():
            return ""
        name = f"/{secrets.token_urlsafe(12)}{path.suffix}"
        self._files[name] = path
        server = self._server or self._start()
        return f"http://127.0.0.1:{server.server_port}{name}"

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _start(self) -> http.server.ThreadingHTTPServer:
        files = self._files

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = files.get(self.path)
                try:
                    data = path.read_bytes() if path else None
                except OSError:
                    data = None
                self.send_response(404 if data is None else 200)
                kind = mimetypes.guess_type(self.path)[0] or "application/octet-stream"
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing: it would be printed into the chat."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._server
