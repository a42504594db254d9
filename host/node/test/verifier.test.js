// The verifier before an authority of this test's own. What it says of real tokens is in `tests/edges`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Verifier } from "../dist/index.js";
import { readCases } from "./support/judge.js";

const [{ loads, token }] = readCases(readFileSync(new URL("../../../tests/vectors/verdicts.json", import.meta.url), "utf8"));
const WHOLE = JSON.parse(loads[0].document);
const [FIRST] = [WHOLE.sequence];

/** A `fetch` that answers with what `answers` gives, one after the other, and then not at all. */
function authority(...answers) {
  const asked = [];
  const fetch = async (url, { headers, signal }) => {
    asked.push({ url: String(url), headers });
    const answer = await answers.shift();
    if (answer !== undefined) return answer instanceof Response ? answer : new Response(JSON.stringify(answer));
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  return { asked, fetch };
}

/** A verifier, what it warned of, and a promise for when it has asked so many times. */
function verifier(server, options = {}) {
  const warnings = [];
  const made = new Verifier({ authority: "http://127.0.0.1:1/base/", fetch: server.fetch, hooks: { warning: (warning) => warnings.push(warning) }, ...options });
  const asked = async (times) => {
    while (server.asked.length < times) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { verifier: made, warnings, asked };
}

const change = (base, sequence, more) => ({ sequence, base, as_of: WHOLE.as_of, epoch: { number: WHOLE.epoch.number }, cuts: [], dropped: [], ...more });

test("it asks for the whole set once, and then for what has changed since, waiting, with its credential", async (t) => {
  const server = authority(WHOLE, change(FIRST, FIRST + 1), change(FIRST + 1, FIRST + 2));
  const { verifier: made, asked } = verifier(server, { credential: "jtn_rt_secret" });
  t.after(() => made.close());
  await asked(4);
  const authorization = `Basic ${btoa("edge:jtn_rt_secret")}`;
  const epoch = WHOLE.epoch.number;
  assert.deepEqual(server.asked.map(({ url }) => url.replace("http://127.0.0.1:1/base/v1/live", "")), [
    "",
    `?after=${FIRST}&epoch=${epoch}&wait=1`,
    `?after=${FIRST + 1}&epoch=${epoch}&wait=1`,
    `?after=${FIRST + 2}&epoch=${epoch}&wait=1`,
  ]);
  assert.deepEqual(server.asked.map(({ headers }) => headers.authorization), [undefined, authorization, authorization, authorization]);
  assert.equal(made.status().sequence, BigInt(FIRST + 2));
});

test("where it may not wait it says so once and asks without waiting", async (t) => {
  const server = authority(WHOLE, new Response(null, { status: 401 }), change(FIRST, FIRST + 1));
  const { verifier: made, warnings, asked } = verifier(server);
  t.after(() => made.close());
  await asked(3);
  assert.match(server.asked[2].url, /\?after=\d+&epoch=\d+$/);
  assert.deepEqual(warnings.filter(({ kind }) => kind === "polling"), [{ kind: "polling", status: 401 }]);
});

test("where there is no room to wait it asks without waiting, and tries again later", async (t) => {
  const full = new Response(null, { status: 503, headers: { "retry-after": "0" } });
  const server = authority(WHOLE, full, ...Array.from({ length: 20 }, () => change(FIRST, FIRST)));
  const { verifier: made, warnings, asked } = verifier(server);
  t.after(() => made.close());
  await asked(3);
  const waits = () => server.asked.map(({ url }) => url.includes("wait"));
  assert.deepEqual(waits().slice(0, 3), [false, true, false]);
  while (!waits().slice(3).includes(true)) await asked(server.asked.length + 1);
  assert.equal(made.status().serving, true);
  assert.deepEqual(warnings.filter(({ kind }) => kind === "polling"), []);
});

test("a change that does not fit ends all trust until the whole set is here, and nothing older is taken for it", async (t) => {
  const older = { ...WHOLE, sequence: FIRST - 1 };
  const newer = { ...WHOLE, sequence: FIRST + 1 };
  let heal;
  const server = authority(WHOLE, change(FIRST + 5, FIRST + 6), older, new Promise((resolve) => (heal = () => resolve(newer))));
  const { verifier: made, warnings, asked } = verifier(server);
  t.after(() => made.close());
  await asked(3);
  assert.ok(!server.asked[2].url.includes("?"), "the whole set");
  await asked(4);
  assert.equal(made.verify(token).code, "stale");
  heal();
  await asked(5);
  assert.equal(made.status().sequence, BigInt(FIRST + 1));
  assert.equal(made.status().serving, true);
  assert.deepEqual(warnings.filter(({ kind }) => kind === "document-refused").map(({ code }) => code), ["gap", "older"]);
});

test("a clock that is off is told once, and once more when it is right again", async (t) => {
  const now = () => Math.floor(Date.now() / 1000);
  const server = authority({ ...WHOLE, as_of: now() - 3600 }, change(FIRST, FIRST + 1, { as_of: now() - 3600 }), change(FIRST + 1, FIRST + 2, { as_of: now() }));
  const { verifier: made, warnings, asked } = verifier(server);
  t.after(() => made.close());
  await asked(4);
  const offs = warnings.filter(({ kind }) => kind === "clock").map(({ offBySeconds }) => offBySeconds);
  assert.equal(offs.length, 2);
  assert.ok(Math.abs(offs[0] - 3600) <= 2);
  assert.equal(offs[1], 0);
});

test("a verifier without a document, and one that was closed, refuses everything", async () => {
  const { verifier: made } = verifier(authority());
  assert.deepEqual(made.verify(token), { alive: false, code: "stale" });
  made.close();
  await assert.rejects(made.ready());
  const { verifier: closed } = verifier(authority(WHOLE));
  await closed.ready();
  assert.notEqual(closed.verify("a.b.c").code, "stale");
  closed.close();
  assert.equal(closed.verify("a.b.c").code, "stale");
});

test("what is no token is refused, whatever it is, and a hook that throws changes nothing", async (t) => {
  const server = authority(WHOLE);
  const { verifier: made } = verifier(server, { hooks: { verdict: () => { throw new Error("a hook"); } } });
  t.after(() => made.close());
  await made.ready();
  for (const odd of [undefined, null, 7, {}, "", "a", "\ud800", "a".repeat(1 << 24)]) {
    assert.deepEqual(made.verify(odd), { alive: false, code: "malformed" });
  }
});

test("options that are no good are refused, and the credential is not told", () => {
  for (const [options, message] of [
    [{}, /`authority`/],
    [{ authority: "http://tokens.example" }, /must be https/],
    [{ authority: "ftp://127.0.0.1" }, /must be https or http/],
    [{ authority: "https://user:word@tokens.example" }, /base URL/],
    [{ authority: "https://tokens.example", credential: "a secret" }, /^TypeError: `credential` is not a token$/],
    [{ authority: "https://tokens.example", required_scopes: [] }, /no option `required_scopes`/],
    [{ authority: "http://127.0.0.1", ca: "x" }, /`ca` is for https/],
  ]) {
    assert.throws(() => new Verifier(options), (error) => message.test(String(error)), JSON.stringify(options));
  }
});
