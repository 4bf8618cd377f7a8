"""A real web server on this machine that can break off, like those far away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """What a server gives, how it behaves, and what it was asked.

    Attributes:
        files: Content by path ("/a.tar").
        takes_ranges: Whether it gives parts of files.
        cuts: Bytes of the body after which each answer in turn breaks off.
        claimed_bytes: Size that it claims a file has, if not the true one.
        statuses: Answers of other kinds by path (404 for paths that are not here).
        moved_to: Where a path has moved.
        ranges: The part asked for by each request; empty for the whole file.
        url: Its address.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    takes_ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    claimed_bytes: int | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    moved_to: dict[str, str] = field(default_factory=dict)
    ranges: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(served: Served, address: str = "127.0.0.1") -> Iterator[Served]:
    """Serve in a thread while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, served)

        def log_message(self, *_words: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_words: object) -> None:
            """Be silent when the other side hangs up."""

    with Server((address, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        served.url = f"http://{address}:{server.server_port}"
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def _answer(request: BaseHTTPRequestHandler, served: Served) -> None:
    wanted = request.headers.get("Range", "")
    served.ranges.append(wanted.removeprefix("bytes="))
    content = served.files.get(request.path)
    if request.path in served.moved_to:
        request.send_response(302)
        request.send_header("Location", served.moved_to[request.path])
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    if request.path in served.statuses or content is None:
        request.send_error(served.statuses.get(request.path, 404))
        return
    start = int(wanted[6:].rstrip("-")) if wanted and served.takes_ranges else 0
    if start and start >= len(content):
        request.send_error(416)
        return
    body = content[start:]
    request.send_response(206 if start else 200)
    if start:
        last = len(content) - 1
        span = f"bytes {start}-{last}/{len(content)}"
        request.send_header("Content-Range", span)
    request.send_header("Content-Length", str(served.claimed_bytes or len(body)))
    request.end_headers()
    request.wfile.write(body[: served.cuts.pop(0)] if served.cuts else body)
