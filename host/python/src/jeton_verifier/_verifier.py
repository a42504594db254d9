from __future__ import annotations

import asyncio
import ipaddress
import os
import weakref
from dataclasses import dataclass
from functools import lru_cache
from typing import Optional, Union

from ._claims import Claims
from ._component import Address
from ._feed import Feed
from ._options import Hooks, checked

_MAX_TOKEN_LENGTH = 8 * 1024
"""Longer than any access token: not looked at."""


@dataclass(frozen=True)
class Refusal:
    """A token that is not accepted. False in a condition, as claims are true.

    The code is for logs and metrics; the token's bearer is told `invalid_token` and no more. It is a word of the contract
    (`malformed`, `wrong-epoch`, `bad-signature`, `not-yet-valid`, `expired`, `cut`, `stale`), `outside` or `unknown-peer` where the token
    is bound to networks, or `fault`.
    """

    code: str

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Status:
    """What is held."""

    serving: bool
    """Whether a token could be accepted now."""
    sequence: Optional[int]
    epoch: Optional[int]
    cuts: Optional[int]
    age: Optional[float]
    """Seconds since the live set that is held was asked for."""


class Verifier:
    """Says whether access tokens are alive, by the authority's own rules and without asking it.

    A copy of its live set is kept current by a thread in the background. Before the first copy is here, and once its lease is over,
    everything is refused as `stale`. All methods may be called from any thread.

    `authority`: the authority's base URL. `credential`: a refresh token with the scope `jeton:live`, for polls that wait; secret.
    `allow_plain_http`: takes `http` for an authority that is not on loopback; whoever sits on that path decides which tokens live.
    `ca`: certificates (PEM) to trust instead of the system's. Raises `ValueError` on options that are no good.
    """

    def __init__(
        self,
        authority: str,
        *,
        credential: Optional[str] = None,
        allow_plain_http: bool = False,
        ca: Optional[str] = None,
        hooks: Optional[Hooks] = None,
    ) -> None:
        self._setup = checked(authority, credential, allow_plain_http, ca, hooks)
        self._feed = Feed(self._setup)
        self._open = True
        if hasattr(os, "register_at_fork"):
            this = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _begin_anew(this()))

    def verify(self, token: str, *, peer: Optional[str] = None) -> Union[Claims, Refusal]:
        """Judges a token by the one rule, and the peer's address by the networks that the token is bound to. Never raises.

        No peer: unknown, and a token that is bound to networks is refused.
        """
        verdict = self._judge(token, peer)
        hook = self._setup.hooks.verdict
        if hook is not None:
            try:
                hook("alive" if isinstance(verdict, Claims) else verdict.code)
            except Exception:
                pass  # A hook that fails changes no verdict.
        return verdict

    def wait_ready(self, timeout: Optional[float] = None) -> bool:
        """Waits until tokens can be judged; whether they can."""
        return self._feed.wait_ready(timeout)

    async def ready(self, timeout: Optional[float] = None) -> bool:
        """The same, for asynchronous programs."""
        return await asyncio.get_running_loop().run_in_executor(None, self._feed.wait_ready, timeout)

    def status(self) -> Status:
        """What is held, for health checks and gauges."""
        serving, held, age = self._feed.status()
        if held is None:
            return Status(serving, None, None, None, None)
        return Status(serving, held.sequence, held.epoch, held.cuts, age)

    def close(self) -> None:
        """Ends the background work. Every token is refused as `stale` from then on."""
        self._open = False
        self._feed.close()

    def __enter__(self) -> Verifier:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Verifier:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _judge(self, token: str, peer: Optional[str]) -> Union[Claims, Refusal]:
        if not isinstance(token, str) or len(token) > _MAX_TOKEN_LENGTH:
            return Refusal("malformed")
        verified = self._feed.judge(token, None if peer is None else _address(peer))
        if isinstance(verified, str):
            return Refusal(verified)
        if verified.network in ("not-bound", "inside"):
            return Claims(verified)
        return Refusal(verified.network)


def _begin_anew(verifier: Optional[Verifier]) -> None:
    # A child of fork has no thread but the one that forked, and locks in whatever state they were.
    if verifier is not None and verifier._open:
        verifier._feed = Feed(verifier._setup)


@lru_cache(maxsize=256)
def _address(text: str) -> Optional[Address]:
    """What cannot be read is a peer that nobody knows."""
    try:
        # A zone (`%eth0`) says which link, and is no part of the address.
        return ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
