// How a runtime judges a case of `tests/vectors/verdicts.json`. Also loaded by a page.

// As the package reads it: what looks like a byte order mark is a part of the text.
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** The cases. Their numbers have up to 64 bits, so they are read as text. */
export function readCases(text) {
  return JSON.parse(text.replace(/"(now|held_for|expires_at)": (\d+)/g, '"$1": "$2"')).cases;
}

/** Loads the case's documents into a fresh instance and judges its token three times: the second and third time from the memo. */
export function judgeCase(instance, readAddress, { loads, token, now, held_for, enforce_lease, peer }) {
  const gave = loads.map(({ document }) => outcome(() => (instance.load(new TextEncoder().encode(document)), "loaded")));
  const moment = { now: BigInt(now), heldFor: BigInt(held_for), peer: readAddress(peer ?? undefined) };
  const judge = () => ({ accepted: told(instance.verify(token, moment, enforce_lease)) });
  const verdicts = [1, 2, 3].map(() => outcome(judge)).map((said) => (typeof said === "string" ? { refused: said } : said));
  return { loads: gave, verdicts };
}

function outcome(act) {
  try {
    return act();
  } catch (refusal) {
    if (typeof refusal === "string") return refusal;
    throw refusal;
  }
}

function told(verified) {
  let start = 0;
  const part = (length) => DECODER.decode(verified.answer.subarray(start, (start += length)));
  const accepted = {
    introspection: part(verified.introspectionLength),
    subject: part(verified.subjectLength),
    client: part(verified.clientLength),
    scope: part(verified.scopeLength),
    audience: part(verified.audienceLength),
    expires_at: String(verified.expiresAt),
    network: verified.network,
  };
  if (start !== verified.answer.length) throw new Error("the lengths do not add up");
  return accepted;
}
