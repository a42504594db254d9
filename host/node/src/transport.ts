/** How documents come from the authority. */

/** An answer, its body read whole. */
export interface Answer {
  readonly status: number;
  /** Seconds that `Retry-After` asks for, where it does. */
  readonly retryAfter: number | undefined;
  readonly body: Uint8Array;
}

/** Asks once. Rejects when there is no answer, when it is too long, and when `signal` says so. */
export type Transport = (url: string, headers: Record<string, string>, signal: AbortSignal) => Promise<Answer>;

/** The most bytes of an answer after decompression: a live document has at most as many. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** By the fetch standard. */
export function byFetch(fetch: typeof globalThis.fetch): Transport {
  return async (url, headers, signal) => {
    // A redirect could lead to a place that was not configured, with the credential.
    const response = await fetch(url, { headers, signal, redirect: "error", cache: "no-store", credentials: "omit" });
    const body = await readBounded(response.body, Number(response.headers.get("content-length")), signal);
    return { status: response.status, retryAfter: readRetryAfter(response.headers.get("retry-after")), body };
  };
}

/** By the modules of Node (which Deno and Bun have, too): for certificates that no system trusts. */
export function byNode(ca: string): Transport {
  return async (url, headers, signal) => {
    const { request } = await import("node:https");
    const { Readable } = await import("node:stream");
    const message = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
      request(url, { headers, signal, ca }, resolve).on("error", reject).end();
    });
    const body = await readBounded(
      Readable.toWeb(message) as unknown as ReadableStream<Uint8Array>,
      Number(message.headers["content-length"]),
      signal,
    );
    return { status: message.statusCode ?? 0, retryAfter: readRetryAfter(message.headers["retry-after"] ?? null), body };
  };
}

async function readBounded(stream: ReadableStream<Uint8Array> | null, announced: number, signal: AbortSignal): Promise<Uint8Array> {
  if (stream === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  // Node's fetch forgets its signal where the request is collected before the body is read: an answer that drips would never end.
  const giveUp = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.byteLength;
      if (length > MAX_ANSWER_BYTES || announced > MAX_ANSWER_BYTES) throw new Error("the answer is too long");
    }
    // What was given up looks like an end.
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", giveUp);
    // Whatever is left is not waited for.
    reader.cancel().catch(() => {});
  }
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.byteLength;
  }
  return whole;
}

function readRetryAfter(value: string | null): number | undefined {
  return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}
