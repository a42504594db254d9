# Calls an API with an access token, and gets another one when that has run out.
# The refresh token comes from the environment variable JETON_TOKEN, or is asked for: do not write it into a script.
import getpass
import json
import os
import time
import urllib.parse
import urllib.request

BASE_URL = '@JETON_URL@'
API_URL = BASE_URL + "/v1/self"  # tells what the access token is: put the address of your API here

refresh_token = os.environ.get("JETON_TOKEN") or getpass.getpass("Refresh token: ")
access = {"token": None, "ends": 0}


def access_token():
    if time.time() >= access["ends"]:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(BASE_URL + "/oauth2/token", body) as answer:
            given = json.load(answer)
        access.update(token=given["access_token"], ends=time.time() + given["expires_in"])
    return access["token"]


headers = {"Authorization": "Bearer " + access_token(), "Accept": "application/json"}
with urllib.request.urlopen(urllib.request.Request(API_URL, headers=headers)) as answer:
    print(answer.read().decode())
