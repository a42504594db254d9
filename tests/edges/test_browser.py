"""The package for Node in a page, in Chromium."""

import json
import shutil
import tempfile
import threading
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import packages
from support import Authority, Process, wait_for

CASES = [case["name"] for case in json.loads((packages.ROOT / "tests/vectors/verdicts.json").read_text())["cases"]]
GIVEN = packages.ROOT / "tests/vectors/.given/Chromium.json"
"""Where it is written down for docs/verdicts.md."""
PACKAGE = packages.NODE / "node_modules/jeton-verifier/dist"
FILES = {
    "/": packages.ROOT / "tests/edges/page.html",
    "/judge.js": packages.ROOT / "host/node/test/support/judge.js",
    "/verdicts.json": packages.ROOT / "tests/vectors/verdicts.json",
    **{f"/package/{file.relative_to(PACKAGE)}": file for file in PACKAGE.rglob("*.js")},
}
EXAMPLE = packages.NODE / "node_modules/jeton-verifier/examples/page.html"
TELLS = b"""<script type="module">
  const said = document.querySelector("#said");
  const tell = () => fetch("/finding", { method: "POST", body: said.textContent });
  if (!said.textContent.startsWith("Looking")) tell();
  new MutationObserver(tell).observe(said, { childList: true });
</script>"""
"""What the example shows is sent to whoever serves it."""
TYPES = {".js": "text/javascript", ".html": "text/html"}


class Page:
    """A page in Chromium, the server that it comes from, and what it told that."""

    def __init__(self, clean_up, files, setup=b"", address="/") -> None:
        self.findings: list[str] = []
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                file = files.get(self.path)
                body = setup if self.path == "/setup" else file if isinstance(file, bytes) else file.read_bytes() if file else b""
                kind = ".html" if self.path == "/" else Path(self.path).suffix
                self.answer(200 if body else 404, body, TYPES.get(kind, "application/json"))

            def do_POST(self) -> None:
                page.findings.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.answer(200, b"", "text/plain")

            def answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        clean_up(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clean_up(server.shutdown)
        profile = tempfile.mkdtemp(prefix="jeton-chromium-")
        clean_up(shutil.rmtree, profile, ignore_errors=True)
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}"]
        self.chromium = Process(["chromium", *options, f"http://127.0.0.1:{server.server_port}{address}"])
        clean_up(self.chromium.end)

    def found(self, count: int) -> list[str]:
        return wait_for("a finding", lambda: len(self.findings) >= count and self.findings[:count])


class Browser(unittest.TestCase):
    def test_a_page_gives_every_verdict_and_hears_of_a_deletion(self) -> None:
        authority = Authority(self.addCleanup)
        made, token = authority.job()
        page = Page(self.addCleanup, FILES, json.dumps({"authority": authority.url, "token": token}).encode())
        given, life = page.found(2)
        self.assertEqual((json.loads(given), life), ({"given": CASES}, "alive"), page.chromium.log())
        GIVEN.parent.mkdir(exist_ok=True)
        GIVEN.write_text(given)
        authority.delete(made)
        self.assertEqual(page.found(3)[2:], ["cut"], page.chromium.log())

    def test_the_example_says_how_long_a_token_is_good_for_and_when_it_ends(self) -> None:
        authority = Authority(self.addCleanup)
        made = authority.create("page", access_ttl=599)
        token = authority.exchange(made["token"])
        files = {f"/node_modules/jeton-verifier/dist/{file.relative_to(PACKAGE)}": file for file in PACKAGE.rglob("*.js")}
        page = Page(
            self.addCleanup,
            {**files, "/": EXAMPLE.read_bytes() + TELLS},
            address=f"/#{urllib.parse.urlencode({'authority': authority.url, 'token': token})}",
        )
        (said,) = page.found(1)
        self.assertRegex(said, "^signed in for [5-9] more minutes$", page.chromium.log())
        authority.delete(made)
        wait_for("the end", lambda: page.findings[-1] == "signed out")


if __name__ == "__main__":
    unittest.main()
