import { readAddress } from "./address.js";
import { Claims } from "./claims.js";
import type { IpAddress, Moment, Refusal, Verified } from "./component.js";
import { Feed } from "./feed.js";
import { checked, type Hooks, type VerifierOptions } from "./options.js";

/** Why a token is not accepted: for logs and metrics. Its bearer is told `invalid_token` and no more. */
export type Code =
  | Refusal
  /** It is bound to networks, and the peer is in none of them. */
  | "outside"
  /** It is bound to networks, and nobody knows the peer. */
  | "unknown-peer"
  /** The component trapped: nothing can be known. */
  | "fault";

/** What is said about a token. */
export type Verdict = { readonly alive: true; readonly claims: Claims } | { readonly alive: false; readonly code: Code };

/** Who presents a token. */
export interface Presented {
  /** The address that the request came from. None: unknown, and a token that is bound to networks is refused. */
  readonly peer?: string | undefined;
}

/** What is held. */
export interface Status {
  /** Whether a token could be accepted now. */
  readonly serving: boolean;
  readonly sequence: bigint | undefined;
  readonly epoch: bigint | undefined;
  readonly cuts: number | undefined;
  /** Seconds since the live set that is held was asked for. */
  readonly ageSeconds: number | undefined;
}

/** Longer than any access token: not looked at. */
const MAX_TOKEN_LENGTH = 8 * 1024;
const STALE: Verdict = Object.freeze({ alive: false, code: "stale" });
const FAULT: Verdict = Object.freeze({ alive: false, code: "fault" });
const MALFORMED: Verdict = Object.freeze({ alive: false, code: "malformed" });

/**
 * Says whether access tokens are alive, by the authority's own rules and without asking it: a copy of its live set is kept current in
 * the background. Before the first copy is here, and once its lease is over, everything is refused as `stale`.
 */
export class Verifier {
  readonly #feed: Feed;
  readonly #hooks: Hooks;
  /** Written anew for each call: one object less to make. */
  readonly #moment: { now: bigint; heldFor: bigint; peer: IpAddress | undefined } = { now: 0n, heldFor: 0n, peer: undefined };
  /** The peer that stands in `#moment`: most requests come from the one before them, or from few. */
  #peer: string | undefined;

  /** Begins to fetch at once. Throws a `TypeError` on options that are no good. */
  constructor(options: VerifierOptions) {
    const setup = checked(options);
    this.#hooks = setup.hooks;
    this.#feed = new Feed(setup);
  }

  /** Judges a token by the one rule, and the peer by the networks that the token is bound to. Never throws. */
  verify(token: string, presented: Presented = {}): Verdict {
    const verdict = this.#judge(token, presented.peer);
    try {
      this.#hooks.verdict?.(verdict.alive ? "alive" : verdict.code);
    } catch {
      // A hook that fails changes no verdict.
    }
    return verdict;
  }

  /** Resolves as soon as tokens can be judged; rejects when `signal` says so or the verifier is closed. */
  ready(signal?: AbortSignal): Promise<void> {
    return this.#feed.ready(signal);
  }

  /** What is held, for health checks and gauges. */
  status(): Status {
    const { held, serving } = this.#feed;
    const ageSeconds = held === undefined ? undefined : this.#feed.heldForMs() / 1000;
    return { serving: serving !== undefined, sequence: held?.sequence, epoch: held?.epoch, cuts: held?.cuts, ageSeconds };
  }

  /** Ends the background work. Every token is refused as `stale` from then on. */
  close(): void {
    this.#feed.close();
  }

  #judge(token: string, peer: string | undefined): Verdict {
    if (typeof token !== "string" || token.length > MAX_TOKEN_LENGTH) return MALFORMED;
    const instance = this.#feed.serving;
    if (instance === undefined) return STALE;
    if (peer !== this.#peer) {
      this.#peer = peer;
      this.#moment.peer = readAddress(peer);
    }
    const wall = Date.now();
    this.#moment.now = BigInt(Math.floor(wall / 1000));
    this.#moment.heldFor = BigInt(Math.ceil(this.#feed.heldForMs(wall) / 1000));
    let verified: Verified;
    try {
      verified = instance.verify(token, this.#moment as Moment, true);
    } catch (refusal) {
      if (typeof refusal === "string") return { alive: false, code: refusal as Refusal };
      this.#feed.faulted(refusal);
      return FAULT;
    }
    const { network } = verified;
    if (network === "not-bound" || network === "inside") return { alive: true, claims: new Claims(verified) };
    return { alive: false, code: network };
  }
}
