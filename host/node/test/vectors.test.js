// The verdicts of `tests/vectors/verdicts.json`, to the byte.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { readAddress } from "../dist/address.js";
import { newInstance } from "../dist/component.js";
import { judgeCase, readCases } from "./support/judge.js";

const vectors = new URL("../../../tests/vectors/", import.meta.url);
const cases = readCases(readFileSync(new URL("verdicts.json", vectors), "utf8"));

test("every verdict is given to the byte, also from the memo", async () => {
  assert.ok(cases.length >= 300);
  for (const each of cases) {
    const instance = await newInstance();
    const { loads, verdicts } = judgeCase(instance, readAddress, each);
    assert.deepEqual(loads, each.loads.map(({ gives }) => gives), each.name);
    for (const verdict of verdicts) assert.deepEqual(verdict, each.verdict, each.name);
  }
  // What was given goes into docs/verdicts.md.
  mkdirSync(new URL(".given/", vectors), { recursive: true });
  writeFileSync(new URL(".given/Node.json", vectors), JSON.stringify({ given: cases.map(({ name }) => name) }));
});

test("nothing and the most that there may be are refused like any other document", async () => {
  const instance = await newInstance();
  for (const document of [new Uint8Array(), new Uint8Array(4 * 1024 * 1024)]) {
    assert.throws(() => instance.load(document), (refusal) => refusal === "malformed");
  }
  assert.throws(() => instance.verify("", { now: 0n, heldFor: 0n }, true), (refusal) => refusal === "stale");
});
