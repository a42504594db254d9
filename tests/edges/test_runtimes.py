"""The package for Node in whatever runs JavaScript."""

import json
import os
import unittest

import packages
from support import Authority, Process, wait_for

CASES = len(json.loads((packages.ROOT / "tests/vectors/verdicts.json").read_text())["cases"])
RUNTIMES = {"node": ["node"], "deno": ["node_modules/.bin/deno", "run", "--allow-all"], "bun": ["node_modules/.bin/bun"]}


class Runtimes(unittest.TestCase):
    def test_each_gives_every_verdict_and_hears_of_a_deletion(self) -> None:
        authority = Authority(self.addCleanup)
        for name, command in RUNTIMES.items():
            with self.subTest(name):
                made, token = authority.job()
                environment = {
                    **os.environ,
                    "JETON_URL": authority.url,
                    "JETON_TOKEN": authority.live,
                    "ACCESS_TOKEN": token,
                    "VECTORS": str(packages.ROOT / "tests/vectors/verdicts.json"),
                    "JUDGE": (packages.ROOT / "host/node/test/support/judge.js").as_uri(),
                }
                program = Process([*command, "life.mjs"], env=environment, cwd=packages.NODE)
                self.addCleanup(program.end)

                def says(word: str) -> bool:
                    return word in program.log() or (program.process.poll() is not None and self.fail(program.log()))

                wait_for("the vectors", lambda: says(f"{CASES} cases\n"))
                wait_for("a living token", lambda: says("alive\n"))
                authority.delete(made)
                wait_for("its end", lambda: program.process.poll() is not None)
                self.assertEqual(program.process.returncode, 0, program.log())
                self.assertIn("cut\n", program.log())


if __name__ == "__main__":
    unittest.main()
