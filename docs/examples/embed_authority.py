"""An authority in a Python program: it issues, exchanges, verifies and deletes, by the policy component and four things lent to it.

    pip install wasmtime
    jeton policy export .
    python embed_authority.py jeton-authority.wasm
"""

import secrets
import sys
import time

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record, Variant


def record(**members):
    """A record of the contract, whose names have hyphens."""
    made = Record()
    for name, value in members.items():
        setattr(made, name.replace("_", "-"), value)
    return made


class Memory:
    """What `jeton:policy/store` must do, for as long as the process lives and one thread at a time."""

    def __init__(self):
        self.entries = {}
        self.revision = 0

    def read(self, _store, keys, _freshness):
        found = [self.entries.get(key) for key in keys]
        return record(entries=[entry and record(value=entry[0], version=entry[1]) for entry in found], revision=self.revision)

    def scan(self, _store, prefix, after, direction, limit):
        down = direction == "descending"
        keys = sorted((key for key in self.entries if key.startswith(prefix)), reverse=down)
        if after is not None:
            keys = [key for key in keys if (key < after if down else key > after)]
        found = [(key, *self.entries[key]) for key in keys[:limit]]
        items = [record(key=key, value=value, version=version) for key, value, version in found]
        return record(items=items, revision=self.revision)

    def commit(self, _store, checks, writes):
        if any(self.entries.get(check.key, (None, None))[1] != check.version for check in checks):
            return "conflict"
        self.revision += 1
        for write in writes:
            if write.value is None:
                self.entries.pop(write.key, None)
            else:
                self.entries[write.key] = (write.value, self.revision)
        return self.revision


class Authority:
    """The policy component. `clock` gives Unix seconds, `entropy` as many bytes as it is asked for, `root_key` is 32 bytes."""

    def __init__(self, file, clock=time.time, entropy=secrets.token_bytes, root_key=None, memory=None):
        memory, root_key = memory or Memory(), root_key or entropy(32)
        engine = Engine()
        component, linker, self._store = Component.from_file(engine, file), Linker(engine), Store(engine)
        lent = {
            "jeton:policy/store@0.1.0": {"read": memory.read, "scan": memory.scan, "commit": memory.commit},
            "jeton:policy/root-key@0.1.0": {"root-key": lambda _store: root_key},
            "wasi:random/random@0.2.0": {"get-random-bytes": lambda _store, length: entropy(length)},
            "wasi:clocks/wall-clock@0.2.0": {"now": lambda _store: record(seconds=int(clock()), nanoseconds=0)},
        }
        with linker.root() as root:
            for interface, functions in lent.items():
                with root.add_instance(interface) as instance:
                    for name, function in functions.items():
                        instance.add_func(name, function)
        self._instance = linker.instantiate(self._store, component)
        # Once, before anything else.
        self.call("configuration", "configure", None, "http://127.0.0.1:8123")
        self.call("epochs", "begin", "advance", None)

    def call(self, interface, name, *arguments):
        """Calls a function of an interface of the contract."""
        within = self._instance.get_export_index(self._store, f"jeton:policy/{interface}@0.1.0")
        function = self._instance.get_func(self._store, self._instance.get_export_index(self._store, name, within))
        result = function(self._store, *arguments)
        function.post_return(self._store)
        return result


def story(authority, now):
    """A token's life. Gives what was said at each step."""
    unbound = record(not_before=None, networks=[], networks_in_access_tokens=False, audiences=[], max_exchanges=None)
    request = record(
        name="nightly job", expiry=Variant("after", 3600), scopes=["orders:read"], parent=None, owner=None, access_ttl=None,
        bindings=unbound, may_delegate=False, rotates_on_use=False, idempotency_key=None,
    )  # fmt: skip
    grant = record(scope=None, resource=None, peer=None)
    # An administrator of the machine itself; whoever serves requests says whose access token was found alive.
    issued = authority.call("refresh-tokens", "issue", None, request)
    setattr(grant, "refresh-token", issued.secret)
    exchanged = authority.call("exchange", "exchange", grant)
    access_token = getattr(exchanged, "access-token")

    def verify():
        # Whoever verifies loads the live set anew whenever it may have changed; an authority is not bound by its lease.
        authority.call("verification", "load", authority.call("live", "snapshot"))
        verdict = authority.call("verification", "verify", access_token, record(now=int(now()), held_for=0, peer=None), False)
        if isinstance(verdict, str):
            return verdict
        return verdict.answer[: getattr(verdict, "introspection-length")].decode()

    yield "issue", issued.token.id
    yield "exchange", access_token
    yield "verify", verify()
    yield "delete", authority.call("refresh-tokens", "delete", None, [issued.token.id], "deleted", None).results[0]
    yield "verify", verify()
    yield "exchange", authority.call("exchange", "exchange", grant)


if __name__ == "__main__":
    for step, said in story(Authority(sys.argv[1]), time.time):
        print(f"{step}: {said}")
