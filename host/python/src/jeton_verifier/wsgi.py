"""For Flask, Django and every other WSGI application."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Callable, Iterable, Optional

from ._http import Denied, Gate, identity
from ._verifier import Verifier

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Guard:
    """WSGI middleware: lets requests with a living token through.

    The claims are `environ["jeton"]`, and stand in the request's `X-Jeton-` headers. `peer` tells the peer's address: by default
    `REMOTE_ADDR`.
    """

    def __init__(
        self,
        app: WSGIApplication,
        verifier: Verifier,
        *,
        required_scopes: Iterable[str] = (),
        audience: Optional[str] = None,
        peer: Optional[Callable[[WSGIEnvironment], Optional[str]]] = None,
    ) -> None:
        self._app = app
        self._gate = Gate(verifier, required_scopes, audience)
        self._peer = peer or _client

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        shown = environ.get("HTTP_AUTHORIZATION")
        verdict = self._gate.judge([] if shown is None else [shown], self._peer(environ))
        if isinstance(verdict, Denied):
            status = HTTPStatus(verdict.status)
            start_response(f"{status.value} {status.phrase}", [*verdict.headers, ("content-length", "0")])
            return []
        for name in [name for name in environ if name.startswith("HTTP_X_JETON_")]:
            del environ[name]
        for name, value in identity(verdict):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        environ["jeton"] = verdict
        return self._app(environ, start_response)


def _client(environ: WSGIEnvironment) -> Optional[str]:
    return environ.get("REMOTE_ADDR") or None
