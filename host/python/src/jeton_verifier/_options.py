from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from typing import Callable, Optional
from urllib.parse import urlsplit

from ._component import Held


@dataclass(frozen=True)
class Hooks:
    """What the verifier tells its surroundings. A hook that raises is ignored. They are called on more than one thread."""

    verdict: Optional[Callable[[str], None]] = None
    """Each judgement: `alive`, or why it was refused. Cheap things alone: it runs within `verify`."""
    loaded: Optional[Callable[[Held], None]] = None
    """A live document was loaded."""
    failed: Optional[Callable[[Exception], None]] = None
    """A poll failed. It is repeated until it succeeds."""
    warning: Optional[Callable[[str, object], None]] = None
    """Something that an operator should see: a kind, and what belongs to it. By default it is logged. Never holds a secret.

    `clock`: the machine's clock and the authority's differ by so many seconds (positive: the machine's is ahead), more than 10; 0: no longer.
    `document-refused`: the feed sent a document that the rules did not take; nothing is accepted until there is a good one.
    `polling`: the authority does not let this edge wait for news, most often for want of a credential with `jeton:live`; revocations
    arrive up to half a second later.
    `fault`: the component trapped; nothing is accepted until a new instance has a live set.
    """


@dataclass(frozen=True)
class Setup:
    """Options that were checked."""

    secure: bool
    host: str
    port: Optional[int]
    path: str
    authorization: Optional[str]
    ca: Optional[str]
    hooks: Hooks


def checked(
    authority: str, credential: Optional[str], allow_plain_http: bool, ca: Optional[str], hooks: Optional[Hooks]
) -> Setup:
    """Checks options. Raises a `ValueError` that names what is wrong, and never the credential."""
    base = urlsplit(authority)
    if base.scheme not in ("http", "https") or not base.hostname:
        raise ValueError("`authority` must be an https or http URL")
    if "@" in base.netloc or base.query or base.fragment or re.search(r"[^\x21-\x7e]", authority):
        raise ValueError("`authority` is a base URL: no user, query, fragment or space")
    secure = base.scheme == "https"
    if not secure and not allow_plain_http and not _is_loopback(base.hostname):
        raise ValueError("`authority` must be https, except on loopback; `allow_plain_http` permits it")
    if credential is not None and not re.fullmatch(r"[\x21-\x7e]+", credential):
        raise ValueError("`credential` is not a token")
    if ca is not None and not secure:
        raise ValueError("`ca` is for https")
    authorization = None
    if credential is not None:
        authorization = "Basic " + base64.b64encode(f"edge:{credential}".encode()).decode()
    path = base.path.rstrip("/") + "/v1/live"
    return Setup(secure, base.hostname, base.port, path, authorization, ca, hooks or Hooks())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
