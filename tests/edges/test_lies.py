"""Edges before a feed that lies, stammers or says nothing."""

import gzip
import json
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support import Authority, Edge, wait_for

LEASE = 2
"""Seconds, by which the go-between replaces the authority's own: shorter to wait for."""


class GoBetween:
    """Stands between an authority and its edges. What it says to an edge is a lie of the test's choice."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.lies: dict[str, object] = {}
        self.asked: dict[str, int] = {}
        this = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _, edge, _ = self.path.split("/", 2)
                this.asked[edge] = this.asked.get(edge, 0) + 1
                if "wait=" in self.path:
                    # So edges ask twice a second, and the shorter lease suffices them.
                    return self.answer(b"", 401)
                try:
                    this.lies.get(edge, truth)(self, this.document())
                except OSError:
                    self.close_connection = True  # The edge has had enough.

            def answer(self, body: bytes, status: int = 200, *headers: tuple[str, str]) -> None:
                self.send_response(status)
                for name, value in [*headers, ("Content-Length", str(len(body)))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def document(self) -> bytes:
        return self.authority.live_document().replace(b'"lease_seconds":5', b'"lease_seconds":%d' % LEASE)

    def url(self, edge: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{edge}"


def truth(handler, document: bytes) -> None:
    handler.answer(document)


def says(change):
    """Another document than the authority's, well sent."""
    return lambda handler, document: handler.answer(change(document))


def sends(head: str, chunks):
    """Bytes of the test's choice."""

    def send(handler, _document: bytes) -> None:
        handler.close_connection = True
        handler.wfile.write(head.replace("\n", "\r\n").encode())
        for chunk in chunks():
            handler.wfile.write(chunk)

    return send


def drip():
    while True:
        yield b" "
        time.sleep(0.1)


def cut_short(handler, document: bytes) -> None:
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(document) + document[:-1])


def bomb(handler, _document: bytes) -> None:
    handler.answer(BOMB, 200, ("Content-Encoding", "gzip"))


def elsewhere(handler, _document: bytes) -> None:
    """To a place where the truth would be had."""
    handler.answer(b"", 307, ("Location", f"/honest{handler.path.removeprefix('/' + handler.path.split('/')[1])}"))


BOMB = gzip.compress(bytes(100 << 20))
HUGE = 100 << 20
FAILURES = {
    "cut short": cut_short,
    "100 MB": sends(f"HTTP/1.1 200 OK\nContent-Length: {HUGE}\n\n", lambda: (b" " * (1 << 16) for _ in range(HUGE >> 16))),
    "100 MB of unknown length": sends("HTTP/1.1 200 OK\nConnection: close\n\n", lambda: (b" " * (1 << 16) for _ in range(HUGE >> 16))),
    "100 MB in 100 KB": bomb,
    "byte by byte": sends("HTTP/1.1 200 OK\nContent-Length: 1000\n\n", drip),
    "headers without end": sends("HTTP/1.1 200 OK\nX-Endless:", drip),
    "silence": sends("", lambda: (time.sleep(0.5) or b"" for _ in range(60))),
    "500": lambda handler, _: handler.answer(b"", 500),
    "503, come back in a day": lambda handler, _: handler.answer(b"", 503, ("Retry-After", "86400")),
    "304": lambda handler, _: handler.answer(b"", 304),
    "a redirect": elsewhere,
    "hanging up": sends("", lambda: ()),
}
"""What is no answer: edges go on by what they hold until its lease is over."""


def changed(**members):
    return lambda document: json.dumps({**json.loads(document), **members}).encode()


class Lies(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.authority = Authority(cls.addClassCleanup)
        cls.between = GoBetween(cls.authority)
        names = ("express", "hono", "fastapi", "flask")
        cls.edges = [Edge(cls.addClassCleanup, name, cls.between.url(name)).started() for name in names]
        cls.past_epoch = cls.between.document()
        cls.authority.call("POST", "/v1/epoch/advance")
        cls.authority.bearer = cls.authority.exchange(cls.authority.administrator)

    def setUp(self) -> None:
        self.between.lies.clear()
        _, self.good = self.authority.job()
        for edge in self.edges:
            wait_for(f"{edge.name} to be ready", lambda: edge.ask(self.good).status == 200)

    def test_a_document_that_the_rules_do_not_take_ends_all_trust_at_once_until_there_is_a_good_one(self) -> None:
        made, dead = self.authority.job()
        older = self.between.document()
        self.authority.delete(made)
        sequence = json.loads(older)["sequence"]
        gap = {"issuer": None, "lease_seconds": None, "base": sequence + 9, "sequence": sequence + 10}
        lies = {
            "doubled": says(lambda document: document * 2),
            "not JSON": says(lambda _: b"<html>"),
            "nothing": says(lambda _: b""),
            "another authority's": says(changed(issuer="https://other.example")),
            "of a past epoch": says(lambda _: self.past_epoch),
            "older": says(lambda _: older),
            "out of order": says(lambda document: json.dumps({k: v for k, v in {**json.loads(document), **gap}.items() if v is not None} | {"epoch": {"number": json.loads(document)["epoch"]["number"]}}).encode()),
            "a cut too long": says(changed(cuts=["AAAA"])),
        }
        for edge in self.edges:
            wait_for(f"{edge.name} to know of the deletion", lambda: edge.ask(dead).status == 401)
        for lie, saying in lies.items():
            self.between.lies = {edge.name: saying for edge in self.edges}
            for edge in self.edges:
                with self.subTest(f"{edge.name}: {lie}"):
                    begun = time.monotonic()
                    wait_for("it to know nothing", lambda: edge.ask(self.good).status == 503)
                    self.assertLess(time.monotonic() - begun, LEASE, "it did not wait for the end of the lease")
                    self.assertEqual(edge.ask(dead).status, 503)
            asked = dict(self.between.asked)
            for edge in self.edges:
                # It goes on asking, and what it is told twice is no truer.
                wait_for("it to ask again", lambda: self.between.asked[edge.name] > asked[edge.name] + 2)
                self.assertEqual(edge.ask(dead).status, 503, f"{edge.name}: {lie}")
            self.between.lies.clear()
            for edge in self.edges:
                wait_for(f"{edge.name} to be back", lambda: edge.ask(self.good).status == 200)
                self.assertEqual(edge.ask(dead).status, 401)

    def test_what_is_no_answer_leaves_what_is_held_until_its_lease_is_over(self) -> None:
        pairs = list(FAILURES.items())
        half = len(self.edges) // 2
        # Two edges of each language: each lie is told to one of each.
        for first, second in zip(pairs[0::2], pairs[1::2]):
            told = {}
            for place, edge in enumerate(self.edges):
                told[edge.name] = (first, second)[place % half]
            made, dead = self.authority.job()
            for edge in self.edges:
                wait_for(f"{edge.name} to let it through", lambda: edge.ask(dead).status == 200)
            self.between.lies = {name: lie for name, (_, lie) in told.items()}
            time_told = time.monotonic()
            self.authority.delete(made)
            for edge in self.edges:
                with self.subTest(f"{edge.name}: {told[edge.name][0]}"):
                    # The last truth may be on its way still.
                    wait_for("it to know nothing", lambda: edge.ask(self.good).status == 503)
                    self.assertEqual(edge.ask(dead).status, 503)
                    self.assertGreater(time.monotonic() - time_told, 0.1)
            self.between.lies.clear()
            for edge in self.edges:
                wait_for(f"{edge.name} to be back after {told[edge.name][0]}", lambda: edge.ask(self.good).status == 200)
                self.assertEqual(edge.ask(dead).status, 401)


if __name__ == "__main__":
    unittest.main()
