"""A long job in the style of DPA's Python examples.

It gets an access token with a refresh token, calls an API with it, and gets another one when the first runs out mid-way.
An existing script of this kind needs its base URL changed and nothing else.

    BASE_URL=https://HOST:8124/iwc/api REFRESH_TOKEN=... python3 dpa_style.py
"""

import os
import sys
import time

import requests

base_url = os.environ.get("BASE_URL", "https://localhost:8124/iwc/api")
# Keep it in a file that nobody else can read, or in a password manager: whoever has it can do what this script can.
refresh_token = os.environ["REFRESH_TOKEN"]
# The API to call. Behind a gateway it has the same base URL (docs/examples/nginx.conf).
api_url = os.environ.get("API_URL", base_url + "/databases")
# True: by the system's certificates. A path: by this certificate alone. Never False outside of a laboratory.
verify_cert = os.environ.get("VERIFY_CERT", True)
calls = int(os.environ.get("CALLS", "10"))
pause = float(os.environ.get("PAUSE", "1"))

access_token = None
token_type = None
expiry = 0
tokens = 0


def get_access_token():
    """Exchanges the refresh token for an access token, and notes until when it is good."""
    global access_token, token_type, expiry, tokens
    asked_at = time.time()
    response = requests.post(
        base_url + "/security/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": refresh_token},
        verify=verify_cert,
        timeout=30,
    )
    response.raise_for_status()
    answer = response.json()
    access_token = answer["access_token"]
    token_type = answer["token_type"]
    expiry = asked_at + answer["expires_in"]
    tokens += 1


def get_headers():
    """The headers of an API call, with an access token that is still good."""
    if not time.time() < expiry:
        get_access_token()
    return {
        "Authorization": f"{token_type} {access_token}",
        "Accept": "application/json",
        "Content-Type": "application/json;charset=UTF-8",
    }


try:
    for _ in range(calls):
        response = requests.get(api_url, headers=get_headers(), verify=verify_cert, timeout=30)
        response.raise_for_status()
        response.json()
        time.sleep(pause)
except requests.exceptions.HTTPError as error:
    print(error, file=sys.stderr)
    print(error.response.text, file=sys.stderr)
    sys.exit(1)

print(f"{calls} calls, {tokens} access tokens")
