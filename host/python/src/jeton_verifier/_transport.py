"""How documents come from the authority."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import zlib
from typing import Dict, NamedTuple, Optional

from ._options import Setup

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""The most bytes of an answer after decompression: a live document has at most as many."""
_CHUNK = 64 * 1024


class Answer(NamedTuple):
    """An answer, its body read whole."""

    status: int
    retry_after: Optional[int]
    """Seconds that `Retry-After` asks for, where it does."""
    body: bytes


class Transport:
    """One connection, kept open between polls. Follows no redirect: one could lead to a place that was not configured."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._context = ssl.create_default_context(cadata=setup.ca) if setup.secure else None
        self._connection: Optional[http.client.HTTPConnection] = None
        self._lock = threading.Lock()
        self._closed = False

    def get(self, target: str, headers: Dict[str, str], within: float) -> Answer:
        """Asks once. Raises when there is no answer within so many seconds, the body included, or when it is too long."""
        # A socket's own timeout begins anew with every byte.
        watchdog = threading.Timer(within, self._drop)
        watchdog.daemon = True
        watchdog.start()
        try:
            connection = self._connect(within)
            connection.request("GET", target, headers={"Accept-Encoding": "gzip", **headers})
            response = connection.getresponse()
            body = _read(response)
            if response.will_close:
                self._drop()
            value = response.headers.get("Retry-After", "")
            retry_after = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
            return Answer(response.status, retry_after, body)
        except BaseException:
            self._drop()
            raise
        finally:
            watchdog.cancel()

    def close(self) -> None:
        """Ends what is under way, and all that would come."""
        self._closed = True
        self._drop()

    def _connect(self, within: float) -> http.client.HTTPConnection:
        with self._lock:
            if self._closed:
                raise ConnectionAbortedError("the verifier is closed")
            if self._connection is None:
                host, port = self._setup.host, self._setup.port
                if self._context is None:
                    self._connection = http.client.HTTPConnection(host, port, timeout=within)
                else:
                    self._connection = http.client.HTTPSConnection(host, port, timeout=within, context=self._context)
            return self._connection

    def _drop(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is None:
            return
        sock = connection.sock
        if sock is not None:
            try:
                # Whoever is reading from it wakes up.
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        connection.close()


def _read(response: http.client.HTTPResponse) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise ValueError("the answer is encoded in a way that was not asked for")
    unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body = bytearray()
    while chunk := response.read(_CHUNK):
        room = MAX_ANSWER_BYTES + 1 - len(body)
        body += chunk if unpack is None else unpack.decompress(chunk, room)
        if len(body) > MAX_ANSWER_BYTES or (unpack is not None and unpack.unconsumed_tail):
            raise ValueError("the answer is too long")
    if response.length:
        raise ValueError("the answer was cut short")
    if unpack is not None and not unpack.eof:
        raise ValueError("the answer was cut short")
    return bytes(body)
