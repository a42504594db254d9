// Digests of the verdicts on random tokens and live sets: `node differential.mjs FILE`, with a step of `tests/vectors/src/random.rs` on
// each line. Every runtime prints the same.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import process from "node:process";
import { newInstance, readAddress } from "jeton-verifier/component";

const BLOCK = 1000;
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

let instance;
let block = createHash("sha256");
let said = 0;

for await (const line of linesOf(process.argv[2])) {
  const step = JSON.parse(line);
  if (step === "begin") {
    instance = await newInstance();
    continue;
  }
  block.update(verdictOn(step), "utf8").update("\n");
  if (++said % BLOCK === 0) endBlock();
}
if (said % BLOCK !== 0) endBlock();

function endBlock() {
  console.log(block.digest("hex"));
  block = createHash("sha256");
}

/** The lines of a file. `readline` would end them at U+2028 as well. */
async function* linesOf(path) {
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    const bytes = Buffer.concat([rest, chunk]);
    let begin = 0;
    for (let end; (end = bytes.indexOf(10, begin)) >= 0; begin = end + 1) yield bytes.toString("utf8", begin, end);
    rest = bytes.subarray(begin);
  }
}

function verdictOn({ load, judge }) {
  try {
    return judge === undefined ? loaded(instance.load(ENCODER.encode(load))) : accepted(judge);
  } catch (refusal) {
    if (typeof refusal === "string") return refusal;
    throw refusal;
  }
}

function loaded({ sequence, epoch, cuts }) {
  return `loaded ${sequence} ${epoch} ${cuts}`;
}

function accepted({ token, now, held_for, enforce_lease, peer }) {
  const moment = { now: BigInt(now), heldFor: BigInt(held_for), peer: readAddress(peer ?? undefined) };
  const verified = instance.verify(token, moment, enforce_lease);
  const { introspectionLength, subjectLength, clientLength, scopeLength, audienceLength } = verified;
  let start = 0;
  const parts = [introspectionLength, subjectLength, clientLength, scopeLength, audienceLength].map((length) =>
    DECODER.decode(verified.answer.subarray(start, (start += length))),
  );
  return [...parts, verified.expiresAt, verified.network].join("\u001f");
}
