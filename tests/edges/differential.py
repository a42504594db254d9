"""Digests of the verdicts on random tokens and live sets: `python differential.py FILE`, with a step of `tests/vectors/src/random.rs` on
each line. Every runtime prints the same."""

import hashlib
import ipaddress
import json
import sys

from jeton_verifier._component import Compiled, Instance, LoadRefused

BLOCK = 1000


def loaded(instance: Instance, document: str) -> str:
    try:
        held = instance.load(document.encode())
    except LoadRefused as refused:
        return refused.code
    return f"loaded {held.sequence} {held.epoch} {held.cuts}"


def judged(instance: Instance, token: str, now: str, held_for: str, enforce_lease: bool, peer: "str | None") -> str:
    address = None if peer is None else ipaddress.ip_address(peer)
    verdict = instance.verify(token, int(now), int(held_for), address, enforce_lease)
    if isinstance(verdict, str):
        return verdict
    parts, start = [], 0
    for length in verdict.lengths:
        parts.append(verdict.answer[start : start + length].decode())
        start += length
    return "\x1f".join([*parts, str(verdict.expires_at), verdict.network])


def main(path: str) -> None:
    compiled = Compiled()
    instance, block, said = None, hashlib.sha256(), 0
    with open(path, "rb") as steps:
        for line in steps:
            step = json.loads(line)
            if step == "begin":
                instance = compiled.new_instance()
                continue
            verdict = loaded(instance, step["load"]) if "load" in step else judged(instance, **step["judge"])
            block.update(f"{verdict}\n".encode())
            said += 1
            if said % BLOCK == 0:
                print(block.hexdigest())
                block = hashlib.sha256()
    if said % BLOCK:
        print(block.hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
