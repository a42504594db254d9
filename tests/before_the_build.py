"""What can be seen before anything is built: that nothing would be built twice, and that no test would be left out."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

TEST = re.compile(r"^\s*#\[(tokio::)?test\]", re.MULTILINE)
FENCE = re.compile(r"^\s*//[/!] ```(\S*)\s*$", re.MULTILINE)
# The languages of a fence that rustdoc runs.
RUN = ("", "rust", "no_run", "should_panic", "compile_fail")


def cargo(*arguments, **environment):
    command = [os.environ.get("CARGO", "cargo"), *arguments]
    ran = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout)


def built_twice():
    """The crates of others that the build script and the host would have built apart, and the features that part them."""
    # The stable cargo tells its plan only where it is allowed what is unstable. Nothing is built.
    selected = ["--release", "--workspace", "--exclude", "jeton-component"]
    plan = cargo("test", "--no-run", *selected, "-Zunstable-options", "--unit-graph", RUSTC_BOOTSTRAP="1")
    kinds = defaultdict(list)
    for unit in plan["units"]:
        if unit["mode"] == "build" and "custom-build" not in unit["target"]["kind"] and "registry+" in unit["pkg_id"]:
            kinds[unit["pkg_id"].rpartition("#")[2]].append(set(unit["features"]))
    for crate, features in sorted(kinds.items()):
        if len(features) > 1:
            apart = sorted(set.union(*features) - set.intersection(*features))
            yield f"{crate} would be built twice, apart by {', '.join(apart) or 'what it depends on'}: see host/alike"


def left_out():
    """The tests of targets whose manifest says that they have none."""
    for package in cargo("metadata", "--no-deps", "--format-version", "1")["packages"]:
        library = any("lib" in target["kind"] for target in package["targets"])
        for target in package["targets"]:
            root = Path(target["src_path"])
            if not {"lib", "bin"} & set(target["kind"]):
                continue
            # The modules beside a binary are those of the library, where there is one.
            only_root = library and "bin" in target["kind"]
            for file in [root] if only_root else root.parent.rglob("*.rs"):
                text = file.read_text()
                if not target["test"] and TEST.search(text):
                    yield f"{file}: a test, where `test = false` stands for {target['name']}"
                # Fences come in pairs: every other one opens.
                if "lib" in target["kind"] and not target["doctest"] and set(FENCE.findall(text)[::2]) & set(RUN):
                    yield f"{file}: an example to run, where `doctest = false` stands for {target['name']}"


found = [*built_twice(), *left_out()]
print("\n".join(found) or "nothing is built twice, and no test is left out")
sys.exit(bool(found))
