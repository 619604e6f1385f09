"""An HTTP server in front of an object store that misbehaves as a test tells it to."""

import http.client
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit


@dataclass
class Asked:
    """One request; ``turn`` counts the requests of the same method and path, from 1."""

    method: str
    path: str
    headers: dict[str, str]
    turn: int

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).split("/", 2)[-1]


@dataclass
class Answer:
    """What to send instead of the store's own answer."""

    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Instead:
    """Another path to ask the store for."""

    path: str


CUT = "cut"  # half of the body, then a reset
LOST = "lost"  # the request is done, its answer never comes
RESET = "reset"  # the request never reaches the store
UNCONDITIONAL = "unconditional"  # conditions are ignored

Rule = Callable[[Asked], Any]
"""Returns None (no fault), one of the words above, an ``Answer`` or an ``Instead``."""

SLOW_DOWN = Answer(503, "SlowDown")


class FaultyStore:
    """Passes requests on to ``target`` and does to each what ``rule`` says."""

    def __init__(self, target: str, rule: Rule) -> None:
        self.target = urlsplit(target)
        self.rule = rule
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        self._turns: dict[tuple[str, str], int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def obey(self, rule: Rule) -> None:
        """Take a new rule and forget what was asked so far."""
        with self._lock:
            self.rule = rule
            self.asked = []
            self._turns = {}

    def note(self, method: str, path: str, headers: dict[str, str]) -> Asked:
        with self._lock:
            turn = self._turns[method, path] = self._turns.get((method, path), 0) + 1
            asked = Asked(method, path, headers, turn)
            self.asked.append(asked)
        return asked

    def count(self, method: str) -> int:
        return sum(asked.method == method for asked in self.asked)


def _handler(store: FaultyStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def serve(self) -> None:
            headers = dict(self.headers.items())
            body = self.rfile.read(int(headers.get("Content-Length", 0)))
            asked = store.note(self.command, self.path, headers)
            fault = store.rule(asked)
            if isinstance(fault, Answer):
                self.invent(fault)
                return
            if fault == RESET:
                self.reset()
                return
            if fault == UNCONDITIONAL:
                headers.pop("If-None-Match", None)
                headers.pop("If-Match", None)
            upstream = http.client.HTTPConnection(store.target.hostname, store.target.port)
            path = fault.path if isinstance(fault, Instead) else self.path
            upstream.request(self.command, path, body, headers)
            answer = upstream.getresponse()
            data = answer.read()
            upstream.close()
            if fault == LOST:
                self.reset()
                return
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"connection", "transfer-encoding"}:
                    self.send_header(name, value)
            self.end_headers()
            if fault == CUT:
                self.wfile.write(data[: len(data) // 2])
                self.reset()
            elif self.command != "HEAD":
                self.wfile.write(data)

        def invent(self, answer: Answer) -> None:
            text = f"<Error><Code>{answer.code}</Code><Message>x</Message></Error>"
            body = b"" if self.command == "HEAD" else text.encode()
            self.send_response_only(answer.status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def reset(self) -> None:
            self.wfile.flush()
            linger = struct.pack("ii", 1, 0)  # a reset, not a polite end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True

    for method in ("GET", "PUT", "HEAD", "DELETE", "POST"):
        setattr(Handler, f"do_{method}", Handler.serve)
    return Handler
