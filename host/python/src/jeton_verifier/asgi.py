"""For FastAPI, Starlette, Django and every other ASGI application."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Iterable, MutableMapping, Optional

from ._http import Denied, Gate, identity, is_reserved
from ._verifier import Verifier

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """ASGI middleware: lets requests and websockets with a living token through.

    The claims are `scope["state"]["jeton"]` (in Starlette and FastAPI `request.state.jeton`), and stand in the request's `x-jeton-`
    headers. `peer` tells the peer's address: by default the one that the server names as client.
    """

    def __init__(
        self,
        app: Application,
        verifier: Verifier,
        *,
        required_scopes: Iterable[str] = (),
        audience: Optional[str] = None,
        peer: Optional[Callable[[Scope], Optional[str]]] = None,
    ) -> None:
        self._app = app
        self._gate = Gate(verifier, required_scopes, audience)
        self._peer = peer or _client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"a guard does not know what `{scope['type']}` is")
        shown = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"authorization"]
        verdict = self._gate.judge(shown, self._peer(scope))
        if isinstance(verdict, Denied):
            return await _refuse(verdict, scope, send)
        headers = [pair for pair in scope["headers"] if not is_reserved(pair[0].decode("latin-1"))]
        headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in identity(verdict)]
        state = {**scope.get("state", {}), "jeton": verdict}
        await self._app({**scope, "headers": headers, "state": state}, receive, send)


async def _refuse(denied: Denied, scope: Scope, send: Send) -> None:
    prefix = "http"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            return await send({"type": "websocket.close", "code": 1008})
        prefix = "websocket.http"
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in denied.headers]
    headers.append((b"content-length", b"0"))
    await send({"type": f"{prefix}.response.start", "status": denied.status, "headers": headers})
    await send({"type": f"{prefix}.response.body", "body": b""})


def _client(scope: Scope) -> Optional[str]:
    client = scope.get("client")
    return None if client is None else str(client[0])
