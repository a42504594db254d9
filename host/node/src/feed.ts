/** The live set, kept current: one poll in flight, for ever. */

import { newInstance, type Held, type Instance } from "./component.js";
import type { Setup, Warning } from "./options.js";

/** What a poll may take at most, until the first document names its lease. */
const FIRST_LEASE_MS = 5_000;
/** Seconds that the authority is asked to wait for news. With two of them a set would be 4 s old before its successor is here, and an age
 * counts in whole seconds, rounded up: at 5 its lease is over. */
const WAIT_SECONDS = 1;
/** An answer without news that comes sooner did not wait: something between here and the authority does not know how to. */
const SOON_MS = 500;
/** Between polls that may not wait. */
const PLAIN_POLL_MS = 500;
/** Not permitted, or no room for another poll that waits: one that does not wait may be answered all the same. */
const NO_WAITING: ReadonlySet<number> = new Set([401, 403, 429, 503]);
/** After so long, polls that wait are tried again where they were not permitted. */
const PERMISSION_RETRY_MS = 30_000;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MOST_MS = 1_000;
const RETRY_AFTER_MOST_MS = 5_000;
/** How far the machine's clock may be off before that is said. */
const CLOCK_TOLERANCE_SECONDS = 10;

/** Polls the authority and keeps an instance of the component loaded. */
export class Feed {
  readonly #setup: Setup;
  readonly #closing = new AbortController();
  readonly #waiters = new Set<() => void>();
  /** What serves. `undefined`: nothing may be accepted. */
  #serving: Instance | undefined;
  /** What remembers the newest that was seen, also while nothing serves: so nothing older is taken after a refusal. */
  #instance: Instance | undefined;
  #held: Held | undefined;
  #lastWhole: Uint8Array | undefined;
  #sentAt: Stamp = { monotonic: 0, wall: 0 };
  #leaseMs = FIRST_LEASE_MS;
  #clockOff = 0;
  #mayWaitFrom = Number.NEGATIVE_INFINITY;

  constructor(setup: Setup) {
    this.#setup = setup;
    void this.#run();
  }

  /** The instance to judge with, where there is one that may. */
  get serving(): Instance | undefined {
    return this.#serving;
  }

  /** What is held, also when it may not serve. */
  get held(): Held | undefined {
    return this.#held;
  }

  /** Milliseconds since the live set that is held was asked for: the larger of monotonic and wall time, which is `wall` now. */
  heldForMs(wall: number = Date.now()): number {
    return Math.max(performance.now() - this.#sentAt.monotonic, wall - this.#sentAt.wall, 0);
  }

  /** Resolves as soon as there is something to judge with. */
  async ready(signal: AbortSignal | undefined): Promise<void> {
    while (this.#serving === undefined || this.heldForMs() >= this.#leaseMs) {
      signal?.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const over = () => {
          this.#waiters.delete(over);
          signal?.removeEventListener("abort", over);
          resolve();
        };
        this.#waiters.add(over);
        signal?.addEventListener("abort", over, { once: true });
      });
    }
  }

  /** Ends polling. Nothing is accepted from then on. */
  close(): void {
    this.#serving = undefined;
    this.#closing.abort(new Error("the verifier is closed"));
    this.#wake();
  }

  /** The instance trapped: it is not asked again. */
  faulted(error: unknown): void {
    this.#serving = undefined;
    this.#instance = undefined;
    this.#warn({ kind: "fault", error });
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      let pause: number;
      try {
        pause = await this.#poll();
        failures = 0;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#tell(() => this.#setup.hooks.failed?.(error));
        const ceiling = Math.min(BACKOFF_FIRST_MS * 2 ** failures, BACKOFF_MOST_MS);
        failures = Math.min(failures + 1, 16);
        // Full jitter, so that the edges of an authority that was away do not come back all at once.
        pause = Math.max(Math.random() * ceiling, error instanceof Unwilling ? error.retryAfterMs : 0);
      }
      if (pause > 0) await this.#sleep(pause);
    }
  }

  /** One poll; gives the milliseconds until the next. */
  async #poll(): Promise<number> {
    const instance = (this.#instance ??= await this.#replacement());
    const before = this.#serving === undefined ? undefined : this.#held;
    const sentAt = now();
    const waits = before !== undefined && sentAt.monotonic >= this.#mayWaitFrom;
    const query = before === undefined ? "" : `?after=${before.sequence}&epoch=${before.epoch}${waits ? `&wait=${WAIT_SECONDS}` : ""}`;
    const { authorization } = this.#setup;
    const headers = { accept: "application/json", ...(waits && authorization !== undefined ? { authorization } : {}) };
    // Kept referenced until the answer is here: a signal that follows others is lost with them in some runtimes.
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new Error("no answer within the lease")), this.#leaseMs);
    const close = () => deadline.abort(this.#closing.signal.reason);
    this.#closing.signal.addEventListener("abort", close, { once: true });
    try {
      const { status, retryAfter, body } = await this.#setup.transport(this.#setup.live + query, headers, deadline.signal);
      this.#closing.signal.throwIfAborted();
      if (waits && NO_WAITING.has(status)) {
        const isForbidden = status === 401 || status === 403;
        this.#mayWaitFrom = sentAt.monotonic + (isForbidden ? PERMISSION_RETRY_MS : Math.max(retryAfter ?? 0, 1) * 1000);
        if (status !== 503) this.#warn({ kind: "polling", status });
        return 0;
      }
      if (status !== 200) throw new Unwilling(status, retryAfter);
      if (this.#instance !== instance) return 0;
      this.#load(instance, body, sentAt);
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", close);
    }
    if (!waits) return before === undefined ? 0 : jittered(PLAIN_POLL_MS);
    const hasNews = this.#held?.sequence !== before.sequence || this.#held.epoch !== before.epoch;
    return hasNews || performance.now() - sentAt.monotonic >= SOON_MS ? 0 : jittered(PLAIN_POLL_MS);
  }

  #load(instance: Instance, body: Uint8Array, sentAt: Stamp): void {
    let held: Held;
    try {
      held = instance.load(body);
    } catch (refusal) {
      // Fail closed: the next poll asks for the whole set, and until it is here nothing serves.
      this.#serving = undefined;
      if (typeof refusal !== "string") this.faulted(refusal);
      else this.#warn({ kind: "document-refused", code: refusal });
      throw new Error("the authority's document was not taken");
    }
    this.#sentAt = sentAt;
    this.#held = held;
    this.#serving = instance;
    this.#note(body, sentAt);
    this.#tell(() => this.#setup.hooks.loaded?.(held));
    this.#wake();
  }

  /** Reads what the edge keeps books of; the rules have taken the document already. */
  #note(body: Uint8Array, sentAt: Stamp): void {
    const document = JSON.parse(new TextDecoder().decode(body)) as { base: unknown; as_of: number; lease_seconds?: number };
    if (document.base === null) {
      this.#lastWhole = body;
      this.#leaseMs = Math.max((document.lease_seconds ?? 0) * 1000, BACKOFF_MOST_MS);
    }
    // It was true at some moment between asking and reading.
    const ahead = sentAt.wall / 1000 - (document.as_of + 1);
    const behind = document.as_of - Date.now() / 1000;
    const off = ahead > CLOCK_TOLERANCE_SECONDS ? Math.round(ahead) : behind > CLOCK_TOLERANCE_SECONDS ? -Math.round(behind) : 0;
    const changed = off === 0 || this.#clockOff === 0 ? off !== this.#clockOff : Math.abs(off - this.#clockOff) > CLOCK_TOLERANCE_SECONDS;
    if (changed) {
      this.#clockOff = off;
      this.#warn({ kind: "clock", offBySeconds: off });
    }
  }

  /** An instance in place of one that trapped. It is given the last whole document first, and so takes nothing older. */
  async #replacement(): Promise<Instance> {
    const instance = await newInstance();
    if (this.#lastWhole === undefined) return instance;
    try {
      instance.load(this.#lastWhole);
      return instance;
    } catch {
      return newInstance();
    }
  }

  #warn(warning: Warning): void {
    const { hooks } = this.#setup;
    this.#tell(() => (hooks.warning === undefined ? console.warn("jeton-verifier:", warning) : hooks.warning(warning)));
  }

  #tell(hook: () => void): void {
    try {
      hook();
    } catch {
      // A hook that fails must not end the feed.
    }
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async #sleep(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const over = () => {
        clearTimeout(timer);
        this.#closing.signal.removeEventListener("abort", over);
        resolve();
      };
      const timer = setTimeout(over, milliseconds);
      this.#closing.signal.addEventListener("abort", over, { once: true });
    });
  }
}

interface Stamp {
  readonly monotonic: number;
  readonly wall: number;
}

function now(): Stamp {
  return { monotonic: performance.now(), wall: Date.now() };
}

function jittered(milliseconds: number): number {
  return milliseconds * (0.5 + Math.random() / 2);
}

/** An answer other than a document. */
class Unwilling extends Error {
  readonly retryAfterMs: number;

  constructor(status: number, retryAfter: number | undefined) {
    super(`the authority answered ${status}`);
    this.retryAfterMs = Math.min((retryAfter ?? 0) * 1000, RETRY_AFTER_MOST_MS);
  }
}
