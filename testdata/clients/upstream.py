"""A model server on a free loopback port that answers as a test says and remembers what it was asked."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterable


@dataclass
class Asked:
    """A request as the upstream got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What the upstream answers: a document, or the events of a stream."""

    status: int = 200
    document: Any = None
    events: Iterable[str] | None = None
    # Whether the connection breaks off after the events.
    breaks: bool = False
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Asked], Answer]


class Upstream:
    """Serves until it is closed. `script` may be replaced between requests."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        upstream = self

        class Handler(_Handler):
            owner = upstream

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: Upstream
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        self.owner.asked.append(asked)
        answer = self.owner.script(asked)
        if answer.events is None:
            self._document(answer)
        else:
            self._stream(answer)

    do_GET = do_POST = _answer

    def _document(self, answer: Answer) -> None:
        data = json.dumps(answer.document).encode()
        self._head(answer, "application/json", [("content-length", str(len(data)))])
        self.wfile.write(data)

    def _stream(self, answer: Answer) -> None:
        self._head(answer, "text/event-stream", [("transfer-encoding", "chunked")])
        for event in answer.events or []:
            data = event.encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        if answer.breaks:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, answer: Answer, kind: str, framing: list[tuple[str, str]]) -> None:
        self.send_response(answer.status)
        for name, value in [("content-type", kind), *framing, *answer.headers.items()]:
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing: tests show what matters."""
