"""An authority, edges before it, and a client that can send anything."""

import glob
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import packages

CEILING = 60.0
"""How long a test waits for something that must happen. Nothing here takes so long on any machine."""
_PORTS = itertools.cycle(range(32_000 - os.getpid() % 100 * 100, 20_000, -1))


def wait_for(event: str, ask, ceiling: float = CEILING):
    """Waits for an event: asks until there is an answer."""
    begun = time.monotonic()
    while not (answer := ask()):
        if time.monotonic() - begun > ceiling:
            raise AssertionError(f"waited in vain for {event}")
        time.sleep(0.005)
    return answer


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to outgoing connections: one of these could connect to itself."""
    for port in _PORTS:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise AssertionError("no port is free")


class Process:
    """A program under way; what it says is kept."""

    def __init__(self, command, **options) -> None:
        self.command = [str(word) for word in command]
        self.said: list[str] = []
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )
        self._reader = threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True)
        self._reader.start()

    def log(self) -> str:
        return "".join(self.said)

    def end(self, by: int = signal.SIGKILL) -> None:
        self.process.send_signal(by)
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()


class Authority:
    """The real server on data of its own. `clean_up` takes what ends it, before there is anything to end: `addCleanup` of a test,
    `addClassCleanup` of a class, whose `tearDownClass` is not called when its `setUpClass` fails."""

    process: Process | None = None

    def __init__(self, clean_up) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="jeton-edges-"))
        clean_up(self.remove)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.administrator = packages.run(packages.JETON, "bootstrap", "--data", self.folder / "data", "--name", "admin").strip()
        self.start()
        self.live = self.create("edges", scopes=["jeton:live"])["token"]

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JETON_")}
        command = [packages.JETON, "serve", "--data", self.folder / "data", "--listen", f"127.0.0.1:{self.port}"]
        self.process = Process(command, env=environment, cwd=self.folder)

        def is_ready() -> bool:
            if self.process.process.poll() is not None:
                raise AssertionError(self.process.log())
            try:
                return urllib.request.urlopen(f"{self.url}/readyz", timeout=5).status == 200
            except OSError:
                return False

        wait_for("the authority", is_ready)
        self.bearer = self.exchange(self.administrator)

    def kill(self) -> None:
        self.process.end()

    def remove(self) -> None:
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.folder)

    def exchange(self, refresh_token: str, source: str = "127.0.0.1") -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=CEILING, source_address=(source, 0))
        body = f"grant_type=refresh_token&refresh_token={refresh_token}"
        connection.request("POST", "/oauth2/token", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        assert answer.status == 200, said
        return json.loads(said)["access_token"]

    def call(self, method: str, path: str, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.bearer}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        answer = urllib.request.urlopen(request, timeout=30).read()
        return json.loads(answer) if answer else None

    def create(self, name: str, **members) -> dict:
        return self.call("POST", "/v1/refresh-tokens", {"name": name, **members})

    def job(self, *scopes: str, **members) -> tuple[dict, str]:
        """A refresh token, and an access token of it."""
        made = self.create("a job", scopes=list(scopes or ("orders:read",)), **members)
        return made, self.exchange(made["token"])

    def delete(self, made: dict) -> None:
        self.call("DELETE", f"/v1/refresh-tokens/{made['id']}")

    def live_document(self) -> bytes:
        return urllib.request.urlopen(f"{self.url}/v1/live", timeout=30).read()


class Edge:
    """An example of a package, serving `/orders` behind its middleware."""

    NODE = ("express", "fastify", "hono")
    PYTHON = ("fastapi", "flask")

    def __init__(self, clean_up, name: str, authority: str, credential: str | None = None, **environment: str) -> None:
        self.name = name
        self.port = free_port()
        environment = {**os.environ, "JETON_URL": authority, "PORT": str(self.port), **environment}
        environment.pop("JETON_TOKEN", None)
        if credential is not None:
            environment["JETON_TOKEN"] = credential
        if name in self.NODE:
            folder = packages.NODE
            command = ["node", folder / f"node_modules/jeton-verifier/examples/{name}.js"]
        else:
            environment["PYTHONPATH"] = str(packages.SITE)
            folder = packages.SITE
            command = [sys.executable, packages.ROOT / f"host/python/examples/with_{name}.py"]
        self.process = Process(command, env=environment, cwd=folder)
        clean_up(self.process.end)

    def started(self) -> "Edge":
        def answers() -> bool:
            if self.process.process.poll() is not None:
                raise AssertionError(f"{self.name} ended: {self.process.log()}")
            try:
                return bool(self.ask("x").status)
            except OSError:
                return False

        wait_for(f"{self.name} to listen", answers)
        return self

    def ask(self, token: str | None, *more: str, source: str = "127.0.0.1") -> "Answer":
        """A request for `/orders`."""
        lines = [] if token is None else [f"Authorization: Bearer {token}"]
        return self.send("GET /orders HTTP/1.1", "Host: edge", "Connection: close", *lines, *more, source=source)

    def send(self, *lines: str, source: str = "127.0.0.1") -> "Answer":
        """Sends lines as they are; reads until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), CEILING, (source, 0)) as connection:
            try:
                connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
            except ConnectionError:
                pass  # It may have refused before it read everything.
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionError:
                pass
        return Answer(received)


class Answer:
    """An HTTP answer."""

    def __init__(self, received: bytes) -> None:
        head, _, self.body = received.partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        self.status = int(status.split(" ")[1]) if " " in status else 0
        self.headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        if self.headers.get("transfer-encoding") == "chunked":
            rest, self.body = self.body, b""
            while (size := int(rest.partition(b"\r\n")[0], 16)) > 0:
                rest = rest.partition(b"\r\n")[2]
                self.body, rest = self.body + rest[:size], rest[size + 2 :]

    def json(self) -> dict:
        return json.loads(self.body)


def faketime() -> str:
    """The library that moves a program's wall clock, of Debian's package `faketime`."""
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + glob.glob("/usr/lib/faketime/libfaketimeMT.so.1")
    assert found, "tests/run installs faketime"
    return found[0]
