"""The verdicts of `tests/vectors/verdicts.json`, to the byte."""

import ipaddress
import json
import unittest
from pathlib import Path

from jeton_verifier._component import Compiled, Instance, LoadRefused, Verified

VECTORS = Path(__file__).parents[3] / "tests/vectors/verdicts.json"
GIVEN = VECTORS.parent / ".given/Python.json"


def load(instance: Instance, document: str) -> str:
    try:
        instance.load(document.encode())
    except LoadRefused as refused:
        return refused.code
    return "loaded"


def said(verdict: "Verified | str") -> dict:
    if isinstance(verdict, str):
        return {"refused": verdict}
    parts, start = [], 0
    for length in verdict.lengths:
        parts.append(verdict.answer[start : start + length].decode())
        start += length
    assert start == len(verdict.answer)
    names = ("introspection", "subject", "client", "scope", "audience")
    return {"accepted": dict(zip(names, parts)) | {"expires_at": verdict.expires_at, "network": verdict.network}}


class Vectors(unittest.TestCase):
    compiled = Compiled()

    def test_every_verdict_is_given_to_the_byte_also_from_the_memo(self) -> None:
        cases = json.loads(VECTORS.read_text())["cases"]
        self.assertGreaterEqual(len(cases), 300)
        given = []
        for case in cases:
            with self.subTest(case["name"]):
                instance = self.compiled.new_instance()
                for document in case["loads"]:
                    self.assertEqual(load(instance, document["document"]), document["gives"])
                peer = None if case["peer"] is None else ipaddress.ip_address(case["peer"])
                for _ in range(3):
                    verdict = instance.verify(case["token"], case["now"], case["held_for"], peer, case["enforce_lease"])
                    self.assertEqual(said(verdict), case["verdict"])
                given.append(case["name"])
        # What was given goes into docs/verdicts.md.
        GIVEN.parent.mkdir(exist_ok=True)
        GIVEN.write_text(json.dumps({"given": given}))

    def test_nothing_and_the_most_that_there_may_be_are_refused_like_any_other_document(self) -> None:
        instance = self.compiled.new_instance()
        for document in ("", "x", " " * (4 * 1024 * 1024)):
            self.assertEqual(load(instance, document), "malformed")
        self.assertEqual(instance.verify("", 0, 0, None), "stale")


if __name__ == "__main__":
    unittest.main()
