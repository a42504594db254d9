from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Dict, List

from ._component import Verified


class Claims:
    """What a living access token says (RFC 9068 section 2.2)."""

    def __init__(self, verified: Verified) -> None:
        self._verified = verified

    @property
    def subject(self) -> str:
        """`sub`: the owner of the refresh token that it came from, else that token's id."""
        return self._part(1)

    @property
    def client_id(self) -> str:
        """`client_id`: the public id of the refresh token that it came from."""
        return self._part(2)

    @property
    def scope(self) -> str:
        """The granted scopes, separated by spaces."""
        return self._part(3)

    @property
    def scopes(self) -> List[str]:
        """The granted scopes, one by one."""
        return self.scope.split()

    @property
    def audience(self) -> str:
        """`aud`: whom it is for."""
        return self._part(4)

    @property
    def expires_at(self) -> int:
        """`exp`: the Unix time from which on it is dead."""
        return self._verified.expires_at

    @property
    def issuer(self) -> str:
        """`iss`: the authority."""
        return str(self.introspection["iss"])

    @property
    def issued_at(self) -> int:
        """`iat`: the Unix time of its minting."""
        return int(self.introspection["iat"])

    @property
    def jti(self) -> str:
        """`jti`: its own id."""
        return str(self.introspection["jti"])

    @cached_property
    def introspection(self) -> Dict[str, Any]:
        """The whole RFC 7662 answer."""
        answer: Dict[str, Any] = json.loads(self._part(0))
        return answer

    def _part(self, place: int) -> str:
        # One run of bytes: the RFC 7662 answer, subject, client id, scope, audience.
        start = sum(self._verified.lengths[:place])
        return self._verified.answer[start : start + self._verified.lengths[place]].decode()
