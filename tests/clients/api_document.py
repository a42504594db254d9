"""Schemathesis against a running server: every operation of its API document, with what it says and with what it forbids, one by one and one
after the other.

    BASE_URL=http://127.0.0.1:8123 JETON_TOKEN=... python api_document.py [options of `schemathesis run`]

JETON_TOKEN is the refresh token of an administrator, on a server that holds nothing worth keeping. It is exchanged again whenever the
access token has died of what was done, and spared: nothing here ends, changes or outlives it. What the document cannot say, such as the
ids that there are, is put in its place in half of the cases. It fails where an answer is 5xx or not documented, where what the document
forbids is accepted, and where an operation never had a 2xx.

Two operations have a 2xx only where the server was started for them: with an issuer that has a path, whose path is ISSUER_PATH then, and
with files of a policy:

    jeton policy export policy
    jeton serve --data data --issuer http://127.0.0.1:8123/tokens --policy policy/jeton-authority.wasm --policy policy/jeton-verifier.wasm
    BASE_URL=http://127.0.0.1:8123 ISSUER_PATH=tokens JETON_TOKEN=... python api_document.py --max-examples 500

All phases and checks run, with as many examples of each operation as are asked for; the tests ask for few (`tests/api_document.rs`).
What failed can be sent again from where this was started: `schemathesis replay`, with the name of the case.
"""

import os
import random
import sys
from collections import defaultdict

import requests
import schemathesis
from schemathesis.cli import schemathesis as command_line
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    use_after_free,
)

BASE = os.environ["BASE_URL"]
RUNNER = os.environ["JETON_TOKEN"]
# The public part of it.
RUNNER_ID = RUNNER.removeprefix("jtn_rt_")[:22]
# The last part of the issuer, where it has a path.
ISSUER_PATH = os.environ.get("ISSUER_PATH", "")

# What a document can say. Where one of these comes of what it allows, it allows too much. Everything else it cannot: an expiry in the
# past, a network with host bits, a parent that is not there, two members that contradict each other. `if-match-malformed` is none of
# these: Schemathesis takes `If-Match: 0` for a valid text, whatever its pattern.
SAYABLE = {
    "access-ttl-out-of-range",
    "apply-unknown",
    "body-ended-early",
    "delegation-levels-out-of-range",
    "idempotency-key-malformed",
    "kind-unknown",
    "limit-out-of-range",
    "malformed-json",
    "malformed-query",
    "max-exchanges-out-of-range",
    "name-empty",
    "name-has-control-character",
    "name-too-long",
    "neither-true-nor-false",
    "not-a-number",
    "not-declared-as-json",
    "note-has-control-character",
    "note-too-long",
    "number-malformed",
    "overlap-out-of-range",
    "reason-unknown",
    "sort-unknown",
    "state-unknown",
    "time-malformed",
    "tombstone-retention-out-of-range",
    "too-many",
    "too-many-audiences",
    "too-many-networks",
    "too-many-scopes",
    "wait-out-of-range",
}


def breaks_what_no_document_says(case, response):
    is_problem = "application/problem+json" in response.headers.get("content-type", [])
    return not is_problem or response.json()["code"] not in SAYABLE


def is_a_bare_challenge(case, response):
    """RFC 6750 section 3.1: where nothing was shown, no error is told, so there is no body. A document has no word for "or nothing"."""
    return case.operation.label == "POST /oauth2/introspect" and response.status_code == 401 and not response.content


def shows_what_has_ended(case, response):
    """The record of a dead refresh token says when it ended, by whom and why; everything else about it is refused as ended."""
    is_shown = case.operation.label == "GET /v1/refresh-tokens/{id}" and response.status_code == 200
    return is_shown and response.json()["state"] == "deleted"


def is_refused_all_the_same(case, response):
    """What was changed meanwhile is 412, and what is too large 413 or 431, before anybody looks at what else is wrong."""
    return response.status_code in (412, 413, 431)


# Checks that hold but for these answers.
NARROWED = {
    content_type_conformance: is_a_bare_challenge,
    response_schema_conformance: is_a_bare_challenge,
    negative_data_rejection: is_refused_all_the_same,
    positive_data_acceptance: breaks_what_no_document_says,
    use_after_free: shows_what_has_ended,
}


def narrowed(check, is_meant):
    def but_for(context, response, case):
        return None if is_meant(case, response) else check(context, response, case)

    but_for.__name__ = f"{check.__name__}_narrowed"
    return but_for


for check, is_meant in NARROWED.items():
    schemathesis.check(narrowed(check, is_meant))

draw = random.Random(1)
session = requests.Session()
statuses = defaultdict(set)


def access_token(refresh_token):
    answer = session.post(f"{BASE}/oauth2/token", data={"grant_type": "refresh_token", "refresh_token": refresh_token})
    answer.raise_for_status()
    return answer.json()


def administer(method, path, **more):
    bearer = {"Authorization": f"Bearer {access_token(RUNNER)['access_token']}"}
    answer = session.request(method, BASE + path, headers=bearer, **more)
    answer.raise_for_status()
    return answer.json()


def made(**members):
    return administer("POST", "/v1/refresh-tokens", json={"name": "made by the runner", "expires_in": 86400, **members})


class Job:
    """A refresh token that the cases may use and end; another takes its place when it is gone."""

    def __init__(self):
        self.record = None

    def now(self):
        if self.record is not None:
            shown = administer("GET", f"/v1/refresh-tokens/{self.record['id']}")
            if shown["state"] != "active" or shown["generation"] != self.record["generation"]:
                self.record = None
        if self.record is None:
            self.record = made(may_delegate=True)
        return self.record


job = Job()


@schemathesis.auth(retry_on=[401])
class Bearer:
    def get(self, case, context):
        return access_token(RUNNER)["access_token"]

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


def operation_of(context):
    return f"{context.operation.method.upper()} {context.operation.path}"


def is_positive(case):
    return case.meta is None or case.meta.generation.mode.is_positive


def real(operation, case):
    """What the document cannot say, in the place of what was drawn."""
    path, query, body = case.path_parameters, case.query, case.body
    if "{id}" in operation:
        path["id"] = job.now()["id"]
    elif "{jti}" in operation:
        path["jti"] = access_token(job.now()["token"])["jti"]
    elif "{issuer_path}" in operation and ISSUER_PATH:
        path["issuer_path"] = ISSUER_PATH
    elif operation == "GET /v1/explain":
        case.query = {"token_id": job.now()["id"]}
    elif operation == "GET /v1/live":
        case.query = {}
    elif "cursor" in (query or {}):
        query.pop("cursor")
    elif "/forward-auth" in operation:
        case.query = {}
        for name in ["X-Jeton-Require-Scope", "X-Jeton-Require-Audience"]:
            (case.headers or {}).pop(name, None)
    if not isinstance(body, dict):
        return
    if body.get("grant_type") == "refresh_token":
        case.body = {"grant_type": "refresh_token", "refresh_token": job.now()["token"]}
    elif "subject_token" in body:
        kind = "urn:ietf:params:oauth:token-type:"
        case.body = {"grant_type": body["grant_type"], "subject_token": job.now()["token"], "subject_token_type": kind + "refresh_token"}
    elif operation in ("POST /oauth2/introspect", "POST /oauth2/revoke", "POST /v1/explain"):
        case.body = {"token": access_token(job.now()["token"])["access_token"]}
    elif operation == "POST /v1/refresh-tokens":
        for name in ["parent", "not_before", "networks", "audiences", "expires_at"]:
            body.pop(name, None)
    elif operation == "PATCH /v1/refresh-tokens/{id}":
        case.body = {"name": "renamed", "enabled": True}
    elif operation == "POST /v1/refresh-tokens/delete" and "ids" in body:
        case.body = {"ids": [job.now()["id"], *body["ids"]][:1000]}
    elif operation == "PATCH /v1/settings":
        case.body = {name: body[name] for name in ["never_allowed", "delegation_levels", "holder_delegation"] if name in body}
    elif operation == "POST /v1/policy":
        case.body = {}
    for name in ["If-Match"]:
        (case.headers or {}).pop(name, None)


@schemathesis.hook
def map_case(context, case):
    if is_positive(case) and draw.random() < 0.5:
        real(operation_of(context), case)
    return case


def spares_the_runner(operation, case):
    """Whether a case leaves the runner's refresh token as it is."""
    if (case.path_parameters or {}).get("id") == RUNNER_ID:
        return operation.startswith("GET ")
    body = case.body if isinstance(case.body, dict) else {}
    if operation == "POST /v1/refresh-tokens/delete":
        return RUNNER_ID not in str(body.get("ids")) and "filter" not in body
    if operation == "PATCH /v1/settings":
        # It lives a day at least.
        return not isinstance(body.get("refresh_token_maximum"), int) or body["refresh_token_maximum"] > 86400
    return True


@schemathesis.hook
def filter_case(context, case):
    return spares_the_runner(operation_of(context), case)


@schemathesis.hook
def before_call(context, case, kwargs):
    # Nothing here changes the live set often enough to be worth two seconds each time.
    if isinstance(case.query, dict) and case.query.get("wait") in (1, 2, "1", "2") and draw.random() < 0.9:
        case.query["wait"] = 0


@schemathesis.hook
def after_call(context, case, response):
    statuses[f"{case.operation.method.upper()} {case.operation.path}"].add(response.status_code)


def report():
    """The operations that never had a 2xx."""
    answer = session.get(f"{BASE}/openapi.json")
    # The one operation that Schemathesis does not try: it has it from there.
    statuses["GET /openapi.json"].add(answer.status_code)
    document = answer.json()
    methods = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
    operations = [f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item if method in methods]
    without = [operation for operation in operations if not any(200 <= status < 300 for status in statuses[operation])]
    print(f"{len(operations)} operations, {len(operations) - len(without)} of them with a 2xx")
    for operation in without:
        print(f"no 2xx: {operation} {sorted(statuses[operation])}")
    return without


def main():
    arguments = ["run", f"{BASE}/openapi.json", "--url", BASE, "--workers", "1", "--seed", "1", "--no-shrink"]
    arguments += ["--checks", "all", "--exclude-checks", ",".join(check.__name__ for check in NARROWED), *sys.argv[1:]]
    try:
        code = command_line.main(arguments, standalone_mode=False)
    except SystemExit as ended:
        code = ended.code
    without = report()
    sys.exit(1 if code or without else 0)


main()
