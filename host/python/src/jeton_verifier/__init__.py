"""Says whether a Jeton access token is alive, by the authority's own rules, without a call home.

>>> verifier = Verifier("https://tokens.example")           # doctest: +SKIP
>>> app = asgi.Guard(app, verifier, required_scopes=["orders:read"])  # doctest: +SKIP
"""

from . import asgi, wsgi
from ._claims import Claims
from ._options import Hooks
from ._verifier import Refusal, Status, Verifier

__all__ = ["Claims", "Hooks", "Refusal", "Status", "Verifier", "asgi", "wsgi"]
