// What a runtime makes of the package: every verdict of the vectors, then a token of a real authority until it is cut.
// JETON_URL, JETON_TOKEN (a refresh token with `jeton:live`), ACCESS_TOKEN, VECTORS (the file) and JUDGE (the module that judges cases).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { Verifier } from "jeton-verifier";
import { newInstance, readAddress } from "jeton-verifier/component";

const { judgeCase, readCases } = await import(process.env.JUDGE);
const cases = readCases(readFileSync(process.env.VECTORS, "utf8"));
for (const each of cases) {
  const { loads, verdicts } = judgeCase(await newInstance(), readAddress, each);
  assert.deepEqual(loads, each.loads.map(({ gives }) => gives), each.name);
  for (const verdict of verdicts) assert.deepEqual(verdict, each.verdict, each.name);
}
console.log(`${cases.length} cases`);

const verifier = new Verifier({ authority: process.env.JETON_URL, credential: process.env.JETON_TOKEN });
await verifier.ready();
for (let said; said !== "cut"; ) {
  const verdict = verifier.verify(process.env.ACCESS_TOKEN);
  const now = verdict.alive ? "alive" : verdict.code;
  if (now !== said) console.log((said = now));
  await new Promise((resolve) => setTimeout(resolve, 5));
}
verifier.close();
