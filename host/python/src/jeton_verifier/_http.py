"""What an HTTP shell says about a request: the answers of the authority's own forward-auth, byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, List, Optional, Sequence, Tuple, Union

from ._claims import Claims
from ._verifier import Verifier

_REALM = 'Bearer realm="jeton"'
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")
"""RFC 6749 section 3.3."""
_ADMIN = "jeton:admin"
_RESERVED = "jeton:"


@dataclass(frozen=True)
class Denied:
    """What to answer to a request that is turned away, and why, for logs."""

    reason: str
    status: int
    headers: List[Tuple[str, str]]


class Gate:
    """What a route asks of a token, beside being alive."""

    def __init__(self, verifier: Verifier, required_scopes: Iterable[str], audience: Optional[str]) -> None:
        if isinstance(required_scopes, str):
            raise ValueError("`required_scopes` is a list of scopes")
        self._verifier = verifier
        self._scopes = sorted(set(required_scopes))
        self._audience = audience
        for scope in self._scopes:
            if not _SCOPE.fullmatch(scope):
                raise ValueError(f"`{scope}` is not a scope")

    def judge(self, authorization: Sequence[str], peer: Optional[str]) -> Union[Claims, Denied]:
        """Judges a request by the values of its `Authorization` fields."""
        shown = _bearer(authorization)
        if isinstance(shown, Denied):
            return shown
        verdict = self._verifier.verify(shown, peer=peer)
        if not isinstance(verdict, Claims):
            if verdict.code in ("stale", "fault"):
                return Denied(verdict.code, 503, [("cache-control", "no-store"), ("retry-after", "1")])
            return _challenged(verdict.code, 401, f'{_REALM}, error="invalid_token"')
        if self._audience is not None and verdict.audience != self._audience:
            return _challenged("other-audience", 401, f'{_REALM}, error="invalid_token"')
        if self._scopes and not _covers(verdict.scopes, self._scopes):
            challenge = f'{_REALM}, error="insufficient_scope", scope="{" ".join(self._scopes)}"'
            return _challenged("insufficient-scope", 403, challenge)
        return verdict


def identity(claims: Claims) -> List[Tuple[str, str]]:
    """The identity headers for whoever answers the request."""
    return [
        ("x-jeton-subject", claims.subject),
        ("x-jeton-client", claims.client_id),
        ("x-jeton-scope", claims.scope),
        ("x-jeton-expires", str(claims.expires_at)),
    ]


def is_reserved(name: str) -> bool:
    """Whether a request header has a name that its sender may not use; some servers take underscores for hyphens."""
    return name.lower().replace("_", "-").startswith("x-jeton-")


def _bearer(values: Sequence[str]) -> Union[str, Denied]:
    """RFC 6750 section 2.1: one header, one token."""
    malformed = _challenged("bad-request", 401, f'{_REALM}, error="invalid_request"')
    if not values:
        return _challenged("no-token", 401, _REALM)
    if len(values) > 1 or not values[0].isascii():
        return malformed
    scheme, _, token = values[0].strip(" ").partition(" ")
    if scheme.lower() != "bearer":
        return _challenged("no-token", 401, _REALM)
    token = token.lstrip(" ")
    # Two fields that something folded into one have a comma between them.
    if not token or any(character in token for character in " \t,"):
        return malformed
    return token


def _covers(held: Sequence[str], needed: Sequence[str]) -> bool:
    return all(scope in held or (scope.startswith(_RESERVED) and _ADMIN in held) for scope in needed)


def _challenged(reason: str, status: int, challenge: str) -> Denied:
    return Denied(reason, status, [("cache-control", "no-store"), ("www-authenticate", challenge)])
