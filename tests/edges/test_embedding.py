"""The authority of `docs/examples`, embedded in Python and in Node."""

import json
import subprocess
import sys
import unittest

import packages

sys.path.insert(0, str(packages.ROOT / "docs/examples"))

import embed_authority  # noqa: E402

NOW = 1_790_000_000
DRIVER = """
import { newAuthority, story } from %(example)s;
let drawn = 0;
const lent = { clock: () => %(now)d, entropy: (length) => Uint8Array.from({ length }, () => drawn++ %% 251), rootKey: new Uint8Array(32).fill(7) };
console.log(JSON.stringify([...story(await newAuthority(%(component)s, lent), () => %(now)d)]));
"""


def entropy():
    """Bytes that are the same in both languages."""
    drawn = 0

    def draw(length: int) -> bytes:
        nonlocal drawn
        drawn += length
        return bytes(place % 251 for place in range(drawn - length, drawn))

    return draw


def in_python() -> list:
    component = str(packages.COMPONENTS / "jeton-authority.wasm")
    authority = embed_authority.Authority(component, lambda: NOW, entropy(), bytes([7] * 32))
    return [list(step) for step in embed_authority.story(authority, lambda: NOW)]


def in_node() -> list:
    folder = packages.BUILT / "authority"
    jco = packages.ROOT / "host/node/node_modules/.bin/jco"
    options = ("--instantiation", "async", "--no-wasi-shim", "--no-component-error-wrapping", "--quiet", "--out-dir", folder)
    packages.run(jco, "transpile", packages.COMPONENTS / "jeton-authority.wasm", *options)
    (folder / "package.json").write_text('{"type": "module"}')
    example = (packages.ROOT / "docs/examples/embed_authority.mjs").as_uri()
    driver = DRIVER % {"example": json.dumps(example), "component": json.dumps(str(folder / "jeton-authority.js")), "now": NOW}
    command = ["node", "--input-type=module", "--eval", driver]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Embedding(unittest.TestCase):
    def test_lent_the_same_both_give_the_same_to_the_byte(self) -> None:
        python = in_python()
        steps = dict(python[:3])
        self.assertEqual(json.loads(steps["verify"])["client_id"], steps["issue"])
        self.assertEqual(python[3:], [["delete", "deleted"], ["verify", "cut"], ["exchange", "invalid-grant"]])
        self.assertEqual(in_node(), python)

    def test_the_store_in_memory_scans_both_ways_from_any_key(self) -> None:
        memory = embed_authority.Memory()
        write = lambda key, value: embed_authority.record(key=key, value=value)  # noqa: E731
        self.assertEqual(memory.commit(None, [], [write(key, b"") for key in (b"a", b"p1", b"p2", b"p3", b"q")]), 1)
        found = lambda *scan: [item.key for item in memory.scan(None, *scan).items]  # noqa: E731
        self.assertEqual(found(b"p", None, "ascending", 2), [b"p1", b"p2"])
        self.assertEqual(found(b"p", b"p1", "ascending", 9), [b"p2", b"p3"])
        self.assertEqual(found(b"p", b"z", "descending", 9), [b"p3", b"p2", b"p1"])
        self.assertEqual(found(b"p", b"p3", "descending", 1), [b"p2"])
        check = embed_authority.record(key=b"p1", version=None)
        self.assertEqual(memory.commit(None, [check], [write(b"p1", None)]), "conflict")
        check.version = 1
        self.assertEqual(memory.commit(None, [check], [write(b"p1", None)]), 2)
        self.assertEqual(found(b"p", None, "ascending", 9), [b"p2", b"p3"])


if __name__ == "__main__":
    unittest.main()
