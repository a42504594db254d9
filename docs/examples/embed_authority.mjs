// An authority in a JavaScript program: it issues, exchanges, verifies and deletes, by the policy component and four things lent to it.
//
//     npm install @bytecodealliance/jco
//     jeton policy export .
//     npx jco transpile jeton-authority.wasm --instantiation async --no-wasi-shim --no-component-error-wrapping --out-dir authority
//     node embed_authority.mjs ./authority/jeton-authority.js

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What `jeton:policy/store` must do, for as long as the process lives. Keys are kept as text whose characters are their bytes. */
export function memory() {
  const entries = new Map();
  let revision = 0n;
  const text = (key) => Buffer.from(key).toString("latin1");
  return {
    read(keys) {
      return { entries: keys.map((key) => entries.get(text(key))), revision };
    },
    scan(prefix, after, direction, limit) {
      const from = after && text(after);
      const down = direction === "descending";
      const keys = [...entries.keys()].filter((key) => key.startsWith(text(prefix))).sort();
      const ahead = (down ? keys.reverse() : keys).filter((key) => from === undefined || (down ? key < from : key > from));
      const item = (key) => ({ key: Buffer.from(key, "latin1"), ...entries.get(key) });
      return { items: ahead.slice(0, limit).map(item), revision };
    },
    commit(checks, writes) {
      if (checks.some(({ key, version }) => entries.get(text(key))?.version !== version)) throw "conflict";
      revision += 1n;
      for (const { key, value } of writes) {
        if (value === undefined) entries.delete(text(key));
        else entries.set(text(key), { value: Uint8Array.from(value), version: revision });
      }
      return revision;
    },
  };
}

/** The policy component. `clock` gives Unix seconds, `entropy` as many bytes as it is asked for, `rootKey` is 32 bytes. */
export async function newAuthority(file, { clock = seconds, entropy = random, rootKey = entropy(32), store = memory() } = {}) {
  const { instantiate } = await import(pathToFileURL(resolve(file)));
  const core = async (name) => WebAssembly.compile(await readFile(new URL(name, pathToFileURL(resolve(file)))));
  const authority = await instantiate(core, {
    "jeton:policy/store": store,
    "jeton:policy/root-key": { rootKey: () => rootKey },
    "wasi:random/random": { getRandomBytes: (length) => entropy(Number(length)) },
    "wasi:clocks/wall-clock": { now: () => ({ seconds: BigInt(clock()), nanoseconds: 0 }) },
  });
  // Once, before anything else.
  authority.configuration.configure(undefined, "http://127.0.0.1:8123");
  authority.epochs.begin("advance", undefined);
  return authority;
}

function seconds() {
  return Math.floor(Date.now() / 1000);
}

function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** A token's life. Gives what was said at each step. */
export function* story({ refreshTokens, exchange, live, verification }, now = seconds) {
  // An administrator of the machine itself; whoever serves requests says whose access token was found alive.
  const machine = { tag: "machine" };
  const { secret, token } = refreshTokens.issue(machine, {
    name: "nightly job",
    expiry: { tag: "after", val: 3600n },
    scopes: ["orders:read"],
    bindings: { networks: [], networksInAccessTokens: false, audiences: [] },
    mayDelegate: false,
    rotatesOnUse: false,
  });
  const { accessToken } = exchange.exchange({ refreshToken: secret });

  const verify = () => {
    // Whoever verifies loads the live set anew whenever it may have changed; an authority is not bound by its lease.
    verification.load(live.snapshot());
    const { answer, introspectionLength } = verification.verify(accessToken, { now: BigInt(now()), heldFor: 0n }, false);
    return new TextDecoder().decode(answer.subarray(0, introspectionLength));
  };

  yield ["issue", token.id];
  yield ["exchange", accessToken];
  yield ["verify", verify()];
  yield ["delete", refreshTokens.delete(machine, [token.id], "deleted", undefined).results[0]];
  yield ["verify", refusal(verify)];
  yield ["exchange", refusal(() => exchange.exchange({ refreshToken: secret }))];
}

/** Refusals are words of the contract; anything else that is thrown is a fault of the instance. */
function refusal(act) {
  try {
    return act();
  } catch (word) {
    if (typeof word === "string") return word;
    throw word;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [step, said] of story(await newAuthority(process.argv[2]))) console.log(`${step}: ${said}`);
}
