"""requests-oauthlib's refresh flow: a session whose access token has run out gets another one by itself and goes on."""

import os

from requests_oauthlib import OAuth2Session

base = os.environ["BASE_URL"]
kept = []
expired = {
    "access_token": "run.out.longago",
    "refresh_token": os.environ["REFRESH_TOKEN"],
    "token_type": "Bearer",
    "expires_in": -30,
}
session = OAuth2Session(
    client_id="any",
    token=expired,
    auto_refresh_url=base + "/oauth2/token",
    auto_refresh_kwargs={"client_id": "any"},
    token_updater=kept.append,
)
for _ in range(3):
    answer = session.get(base + "/v1/self", timeout=30)
    answer.raise_for_status()

assert len(kept) == 1, "the one refresh sufficed"
assert kept[0]["refresh_token"] == expired["refresh_token"], "the refresh token stays as it is"
assert answer.json()["jti"] == kept[0]["jti"]
print("refreshed")
