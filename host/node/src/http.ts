/** What an HTTP shell says about a request: the answers of the authority's own forward-auth, byte for byte. */

import type { Claims } from "./claims.js";
import type { Code, Verifier } from "./verifier.js";

/** What a route asks of a token, beside being alive. */
export interface Demand {
  /** Scopes that the token must all have. */
  readonly requiredScopes?: readonly string[];
  /** The audience that the token must be for. None: any. */
  readonly audience?: string;
}

/** Why a request is turned away. For logs; the bearer sees status and challenge alone. */
export type Reason = Code | "no-token" | "bad-request" | "other-audience" | "insufficient-scope";

/** What becomes of a request. */
export type Outcome =
  | { readonly allowed: true; readonly claims: Claims }
  | { readonly allowed: false; readonly reason: Reason; readonly status: number; readonly headers: Readonly<Record<string, string>> };

/** A demand that was checked. */
export interface Gate {
  /** Sorted, each once. */
  readonly scopes: readonly string[];
  readonly audience: string | undefined;
}

const NO_STORE = { "cache-control": "no-store" } as const;
const REALM = 'Bearer realm="jeton"';
/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
const ADMIN = "jeton:admin";
const RESERVED = "jeton:";
/** Names that only this side may say: those of the identity headers, with underscores as well, which some servers take for hyphens. */
const RESERVED_HEADER = /^x[-_]jeton[-_]/i;

/** Checks a demand. Throws a `TypeError` on scopes that no token can have. */
export function gate(demand: Demand): Gate {
  for (const name of Object.keys(demand)) {
    if (!["requiredScopes", "audience", "peer"].includes(name)) throw new TypeError(`there is no option \`${name}\``);
  }
  const scopes = [...new Set(demand.requiredScopes ?? [])].sort();
  for (const scope of scopes) {
    if (!SCOPE.test(scope)) throw new TypeError(`\`${scope}\` is not a scope`);
  }
  return { scopes, audience: demand.audience };
}

/** Judges a request by the values of its `Authorization` fields. */
export function judge(verifier: Verifier, gate: Gate, authorization: readonly string[], peer: string | undefined): Outcome {
  const shown = bearer(authorization);
  if (typeof shown !== "string") return shown;
  const verdict = verifier.verify(shown, { peer });
  if (!verdict.alive) return verdict.code === "stale" || verdict.code === "fault" ? unready(verdict.code) : invalid(verdict.code);
  const { claims } = verdict;
  if (gate.audience !== undefined && claims.audience !== gate.audience) return invalid("other-audience");
  if (gate.scopes.length > 0 && !covers(claims.scopes, gate.scopes)) {
    return refused("insufficient-scope", 403, `${REALM}, error="insufficient_scope", scope="${gate.scopes.join(" ")}"`);
  }
  return { allowed: true, claims };
}

/** The identity headers for whoever answers the request. */
export function identity(claims: Claims): [name: string, value: string][] {
  return [
    ["x-jeton-subject", claims.subject],
    ["x-jeton-client", claims.clientId],
    ["x-jeton-scope", claims.scope],
    ["x-jeton-expires", String(claims.expiresAt)],
  ];
}

/** Whether a request header has a name that its sender may not use. */
export function isReserved(name: string): boolean {
  return RESERVED_HEADER.test(name);
}

/** RFC 6750 section 2.1: one header, one token. */
function bearer(values: readonly string[]): string | Outcome {
  const [value] = values;
  if (value === undefined) return refused("no-token", 401, REALM);
  const malformed = () => refused("bad-request", 401, `${REALM}, error="invalid_request"`);
  if (values.length > 1 || !/^[\x00-\x7f]*$/.test(value)) return malformed();
  const text = value.replace(/^ +| +$/g, "");
  const space = text.indexOf(" ");
  const scheme = (space < 0 ? text : text.slice(0, space)).toLowerCase();
  if (scheme !== "bearer") return refused("no-token", 401, REALM);
  const token = space < 0 ? "" : text.slice(space).replace(/^ +/, "");
  // Two fields that something folded into one have a comma between them.
  return token === "" || /[ \t,]/.test(token) ? malformed() : token;
}

function covers(held: readonly string[], needed: readonly string[]): boolean {
  return needed.every((scope) => held.includes(scope) || (scope.startsWith(RESERVED) && held.includes(ADMIN)));
}

function invalid(reason: Reason): Outcome {
  return refused(reason, 401, `${REALM}, error="invalid_token"`);
}

function unready(reason: Reason): Outcome {
  return { allowed: false, reason, status: 503, headers: { ...NO_STORE, "retry-after": "1" } };
}

function refused(reason: Reason, status: number, challenge: string): Outcome {
  return { allowed: false, reason, status, headers: { ...NO_STORE, "www-authenticate": challenge } };
}
