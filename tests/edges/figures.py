"""What edges cost, and how soon a deletion reaches them: `JETON=path/to/jeton python figures.py [DELETIONS]`, after `packages.py`."""

import contextlib
import os
import statistics
import sys
import time

import packages

sys.path.insert(0, str(packages.SITE))

from support import Authority, Edge, wait_for  # noqa: E402

from jeton_verifier import Verifier  # noqa: E402
from jeton_verifier._component import Compiled  # noqa: E402


def least(act, rounds: int = 40, calls: int = 2000) -> float:
    """CPU microseconds per call, the least of many rounds."""
    found = float("inf")
    for _ in range(rounds):
        before = time.thread_time()
        for _ in range(calls):
            act()
        found = min(found, (time.thread_time() - before) / calls * 1e6)
    return found


def costs(authority: Authority) -> None:
    _, token = authority.job()
    environment = {**os.environ, "JETON_URL": authority.url, "JETON_TOKEN": authority.live, "ACCESS_TOKEN": token}
    node = float(packages.run("node", "figures.mjs", cwd=packages.NODE, env=environment))
    print(f"Node: verify, memo hit: {node:.1f} us")
    with Verifier(authority.url, credential=authority.live) as verifier:
        assert verifier.wait_ready(60)
        assert verifier.verify(token, peer="127.0.0.1")
        whole = least(lambda: verifier.verify(token, peer="127.0.0.1").subject)
    instance = Compiled().new_instance()
    instance.load(authority.live_document())
    now = int(time.time())
    binding = least(lambda: instance.verify(token, now, 0, None))
    print(f"Python: verify, memo hit: {whole:.1f} us, of which the component and its binding {binding:.1f} us")


def cascade(clean_up, authority: Authority, deletions: int) -> None:
    edges = [Edge(clean_up, name, authority.url, authority.live).started() for name in ("express", "fastapi")]
    took: dict[str, list[float]] = {edge.name: [] for edge in edges}
    for _ in range(deletions):
        parent = authority.create("parent", scopes=["orders:read"])
        _, token = authority.job(parent=parent["id"])
        for edge in edges:
            wait_for("the token to be let through", lambda: edge.ask(token).status == 200)
        authority.delete(parent)
        deleted = time.monotonic()
        waited_for = list(edges)
        while waited_for:
            for edge in list(waited_for):
                if edge.ask(token).status == 401:
                    took[edge.name].append(time.monotonic() - deleted)
                    waited_for.remove(edge)
    for name, times in took.items():
        print(f"{name}: from the 204 to the first refusal: median {statistics.median(times) * 1000:.0f} ms, worst {max(times) * 1000:.0f} ms of {deletions}")


if __name__ == "__main__":
    with contextlib.ExitStack() as stack:
        served = Authority(stack.callback)
        costs(served)
        cascade(stack.callback, served, int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
