"""A resource server with PyJWT: it checks access tokens by the key set that the metadata name, and asks nobody."""

import os

import jwt
import requests

base = os.environ["BASE_URL"]
metadata = requests.get(base + "/.well-known/oauth-authorization-server", timeout=30).json()
answer = requests.post(
    metadata["token_endpoint"],
    data={"grant_type": "refresh_token", "refresh_token": os.environ["REFRESH_TOKEN"]},
    timeout=30,
).json()
token = answer["access_token"]

keys = jwt.PyJWKClient(metadata["jwks_uri"])
key = keys.get_signing_key_from_jwt(token)
checks = {"algorithms": [os.environ["ALG"]], "audience": metadata["issuer"], "issuer": metadata["issuer"]}
claims = jwt.decode(token, key, options={"require": ["iss", "aud", "sub", "exp", "iat", "jti"]}, **checks)
assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
assert claims["jti"] == answer["jti"]
assert claims["client_id"] == os.environ["CLIENT_ID"]

for wrong in [{"audience": "https://elsewhere.example"}, {"issuer": "https://elsewhere.example"}]:
    try:
        jwt.decode(token, key, **{**checks, **wrong})
    except jwt.InvalidTokenError:
        continue
    raise AssertionError(f"accepted with {wrong}")

header, payload, signature = token.split(".")
try:
    jwt.decode(f"{header}.{payload}.{signature[::-1]}", key, **checks)
except jwt.InvalidTokenError:
    print("checked")
