/** By the fetch standard: `Request` in, `Response` out. */

import type { Claims } from "./claims.js";
import { gate, identity, isReserved, judge, type Demand, type Reason } from "./http.js";
import type { Verifier } from "./verifier.js";

/** What {@link check} says. */
export type Checked =
  /** The request to go on with: without identity headers of its sender's, and with those of the token. */
  | { readonly allowed: true; readonly claims: Claims; readonly request: Request }
  /** The response to send. */
  | { readonly allowed: false; readonly reason: Reason; readonly response: Response };

/** A guard for requests by the fetch standard. `peer`: the address that the request came from, where it is known. */
export function guard(verifier: Verifier, demand: Demand = {}): (request: Request, peer?: string) => Checked {
  const checkedDemand = gate(demand);
  return (request, peer) => {
    const authorization = request.headers.get("authorization");
    const outcome = judge(verifier, checkedDemand, authorization === null ? [] : [authorization], peer);
    if (!outcome.allowed) {
      const { reason, status, headers } = outcome;
      return { allowed: false, reason, response: new Response(null, { status, headers }) };
    }
    const { claims } = outcome;
    return { allowed: true, claims, request: new Request(request, { headers: withIdentity(request.headers, claims) }) };
  };
}

/** As much of a Hono context as {@link hono} uses. */
export interface HonoContext {
  readonly req: { raw: Request };
  set(name: string, value: unknown): void;
}

/** Options of {@link hono}. */
export interface HonoDemand<C> extends Demand {
  /** Tells the peer's address, for instance by `getConnInfo` of Hono's adapters. None: unknown. */
  readonly peer?: (context: C) => string | undefined;
}

/** Middleware for Hono and its like. The claims are `c.get("jeton")`. */
export function hono<C extends HonoContext>(verifier: Verifier, demand: HonoDemand<C> = {}) {
  const check = guard(verifier, demand);
  return async (context: C, next: () => Promise<void>): Promise<Response | void> => {
    const checked = check(context.req.raw, demand.peer?.(context));
    if (!checked.allowed) return checked.response;
    context.req.raw = checked.request;
    context.set("jeton", checked.claims);
    await next();
  };
}

function withIdentity(sent: Headers, claims: Claims): Headers {
  const headers = new Headers(sent);
  for (const name of [...headers.keys()]) {
    if (isReserved(name)) headers.delete(name);
  }
  for (const [name, value] of identity(claims)) headers.set(name, value);
  return headers;
}
