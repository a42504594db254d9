// What `verify` costs when the token was seen before: CPU microseconds, the least of many rounds.
// JETON_URL, JETON_TOKEN (a refresh token with `jeton:live`) and ACCESS_TOKEN.

import process from "node:process";
import { Verifier } from "jeton-verifier";

const ROUNDS = 40;
const CALLS = 5_000;
const verifier = new Verifier({ authority: process.env.JETON_URL, credential: process.env.JETON_TOKEN });
await verifier.ready();
const token = process.env.ACCESS_TOKEN;
let least = Number.POSITIVE_INFINITY;
for (let round = 0; round < ROUNDS; round++) {
  const before = process.cpuUsage();
  for (let call = 0; call < CALLS; call++) {
    if (verifier.verify(token, { peer: "127.0.0.1" }).claims?.subject === undefined) throw new Error("it is alive");
  }
  const { user, system } = process.cpuUsage(before);
  least = Math.min(least, (user + system) / CALLS);
  // The feed has a turn.
  await new Promise((resolve) => setTimeout(resolve, 5));
}
console.log(least);
verifier.close();
