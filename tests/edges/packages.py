"""The packages, built from the binary's own components and installed as their users install them.

`python packages.py`, with the binary in JETON, makes them; the tests find them here.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
JETON = os.environ["JETON"]
BUILT = ROOT / "tests/edges/.built"
COMPONENTS = BUILT / "components"
"""What `jeton policy export` writes."""
NODE = ROOT / "tests/edges/project"
"""A project that has what `npm pack` makes, and nothing of the repository's."""
SITE = BUILT / "site"
"""A folder that has what is in the wheel, and nothing of the repository's."""


def run(*command, **options) -> str:
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} gave {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def build() -> None:
    shutil.rmtree(BUILT, ignore_errors=True)
    COMPONENTS.mkdir(parents=True)
    run(JETON, "policy", "export", COMPONENTS)
    build_node()
    build_python()


def build_node() -> None:
    package = ROOT / "host/node"
    environment = {**os.environ, "JETON_VERIFIER": str(COMPONENTS / "jeton-verifier.wasm")}
    run("npm", "run", "build", cwd=package, env=environment)
    tarball = run("npm", "pack", "--silent", "--pack-destination", BUILT, cwd=package).strip()
    run("npm", "install", "--no-save", "--offline", "--no-audit", "--no-fund", BUILT / tarball, cwd=NODE)


def build_python() -> None:
    source = BUILT / "python"
    shutil.copytree(ROOT / "host/python", source, ignore=shutil.ignore_patterns("*.wasm", "__pycache__", "dist"))
    shutil.copy(COMPONENTS / "jeton-verifier.wasm", source / "src/jeton_verifier")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", BUILT, source)
    (wheel,) = BUILT.glob("*.whl")
    run(*pip, "install", "--no-index", "--no-deps", "--target", SITE, wheel)


if __name__ == "__main__":
    build()
