"""Parts of files asked for over HTTPS: requests, answers, and what went wrong."""

import re
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse

_TIMEOUT_SECONDS = 60.0
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_GONE = frozenset({404, 410})
_PASSING = frozenset({429, 500, 502, 503, 504})
_RANGE_NOT_SATISFIABLE = 416


class BrokenOff(Exception):
    """The connection failed or ended early; another try may go on.

    Attributes:
        has_given: Whether any byte came over it.
    """

    def __init__(self, what: str, *, has_given: bool = False) -> None:
        self.has_given = has_given
        super().__init__(what)


def require_https(url: str) -> None:
    """Refuse an address that is not of scheme https, or http to this machine.

    Raises:
        WrongUse: INVALID_OPTION.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in _THIS_MACHINE
    ):
        return
    raise WrongUse(
        ErrorCode.INVALID_OPTION,
        "files are only fetched over https",
        where=url,
        remedy="Give an address that begins with https://.",
    )


def opened(url: str, start: int) -> HTTPResponse | None:
    """The answer to a request for the bytes from `start`; None when there are none.

    Raises:
        UnusableInput: NOT_FOUND, or DOWNLOAD_FAILED when the server refuses.
        BrokenOff: When it cannot be reached or is busy.
    """
    headers = {"User-Agent": "medseg", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response: HTTPResponse = _opener(url).open(
            Request(url, headers=headers),  # noqa: S310 - checked to be https
            timeout=_TIMEOUT_SECONDS,
        )
    except HTTPError as error:
        with error:
            if error.code == _RANGE_NOT_SATISFIABLE and start:
                return None
            what = f"the server answered {error.code} {error.reason}"
            if error.code in _PASSING:
                raise BrokenOff(what) from error
            raise _refused(error.code, what, url, start) from error
    except (HTTPException, OSError) as error:
        raise BrokenOff(_reason(error)) from error
    return response


class _HttpsRedirects(HTTPRedirectHandler):
    """Follows no redirection away from https, not even one on the way to another."""

    def redirect_request(
        self,
        req: Request,
        fp: Any,
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        """The request that follows a redirection."""
        require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> OpenerDirector:
    """Through the system's proxy, except to this machine."""
    is_near = urlsplit(url).hostname in _THIS_MACHINE
    near = (ProxyHandler({}),) if is_near else ()
    return build_opener(_HttpsRedirects, *near)


def start_of(response: HTTPResponse, size: int) -> int:
    """Byte that the answer begins with: 0 unless the server gives the part asked for.

    Raises:
        UnusableInput: DOWNLOAD_FAILED when it gives another part.
    """
    if response.status != 206:
        return 0
    span = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if span is None or int(span[1]) != size:
        what = "the server answered with another part of the file"
        raise failed(what, response.url, size)
    return size


def total_of(response: HTTPResponse, start: int) -> int | None:
    """Size of the whole file, as the answer that begins at `start` has it."""
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def read_chunk(response: HTTPResponse, most_bytes: int, *, has_given: bool) -> bytes:
    """The next bytes of an answer; none at its end.

    Raises:
        BrokenOff: When the connection fails; it says whether it `has_given` before.
    """
    try:
        return response.read(most_bytes)
    except (HTTPException, OSError) as error:
        raise BrokenOff(_reason(error), has_given=has_given) from error


def _reason(error: Exception) -> str:
    """The system's words, which urllib wraps once."""
    inner = getattr(error, "reason", None) or error
    words = inner.strerror if isinstance(inner, OSError) else None
    return words or str(inner) or type(inner).__name__


def _refused(status: int, what: str, url: str, arrived: int) -> UnusableInput:
    if status not in _GONE:
        return failed(what, url, arrived)
    return UnusableInput(
        ErrorCode.NOT_FOUND,
        f"the server has no such file ({status})",
        where=url,
        remedy="Check the address, or look for the file at its publisher.",
    )


def failed(what: str, url: str, arrived: int) -> UnusableInput:
    """The error of a download that did not end, with what is kept of it."""
    kept = f"; {shown_bytes(arrived)} of it are kept" if arrived else ""
    return UnusableInput(
        ErrorCode.DOWNLOAD_FAILED,
        f"the download failed: {what}{kept}",
        where=url,
        remedy="Check network and proxy and run it again; it goes on where it stopped.",
    )


def shown_bytes(count: int) -> str:
    """A size to read: "28.4 MB", "1.61 GB"."""
    for size, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"
