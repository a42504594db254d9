"""The package for Node in a page, in Chromium."""

import json
import shutil
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
TYPES = {".js": "text/javascript", ".html": "text/html"}


class Browser(unittest.TestCase):
    def test_a_page_gives_every_verdict_and_hears_of_a_deletion(self) -> None:
        authority = Authority(self.addCleanup)
        made, token = authority.job()
        findings: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                file = FILES.get(self.path)
                setup = json.dumps({"authority": authority.url, "token": token}).encode()
                body = setup if self.path == "/setup" else file.read_bytes() if file else b""
                self.answer(200 if body else 404, body, TYPES.get(file.suffix if file else "", "application/json"))

            def do_POST(self) -> None:
                findings.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
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
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        profile = tempfile.mkdtemp(prefix="jeton-chromium-")
        self.addCleanup(shutil.rmtree, profile, ignore_errors=True)
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}"]
        chromium = Process(["chromium", *options, f"http://127.0.0.1:{server.server_port}/"])
        self.addCleanup(chromium.end)

        def found(count: int) -> list[str]:
            return wait_for("a finding", lambda: len(findings) >= count and findings[:count])

        given, life = found(2)
        self.assertEqual((json.loads(given), life), ({"given": CASES}, "alive"), chromium.log())
        GIVEN.parent.mkdir(exist_ok=True)
        GIVEN.write_text(given)
        authority.delete(made)
        self.assertEqual(found(3)[2:], ["cut"], chromium.log())


if __name__ == "__main__":
    unittest.main()
