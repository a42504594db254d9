/** For servers that stand on Node's `http`: Express, Connect, Fastify. */

import type { Claims } from "./claims.js";
import { gate, identity, isReserved, judge, type Demand } from "./http.js";
import type { Verifier } from "./verifier.js";

/** As much of an `http.IncomingMessage` as is used. */
export interface IncomingRequest {
  headers: Record<string, string | string[] | undefined>;
  rawHeaders: string[];
  readonly socket?: { readonly remoteAddress?: string | undefined };
  /** The claims of the token, where the request was let through. */
  jeton?: Claims;
}

/** As much of an `http.ServerResponse` as is used. */
export interface OutgoingResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(): unknown;
}

/** Options of {@link express} and {@link fastify}. */
export interface NodeDemand<R> extends Demand {
  /** Tells the peer's address. By default the one that the connection comes from; behind a proxy, what the proxy is trusted to say. */
  readonly peer?: (request: R) => string | undefined;
}

/** Middleware for Express, Connect and their like. The claims are `req.jeton`, and stand in the request's `x-jeton-` headers. */
export function express<R extends IncomingRequest>(verifier: Verifier, demand: NodeDemand<R> = {}) {
  const checkedDemand = gate(demand);
  return (request: R, response: OutgoingResponse, next: (error?: unknown) => void): void => {
    const peer = demand.peer === undefined ? request.socket?.remoteAddress : demand.peer(request);
    const outcome = judge(verifier, checkedDemand, authorizationOf(request), peer);
    if (outcome.allowed) {
      admit(request, outcome.claims);
      next();
      return;
    }
    response.statusCode = outcome.status;
    for (const [name, value] of Object.entries(outcome.headers)) response.setHeader(name, value);
    response.end();
  };
}

/** As much of a Fastify request as is used. */
export interface FastifyRequest {
  readonly raw: IncomingRequest;
  readonly ip?: string;
}

/** As much of a Fastify reply as is used. */
export interface FastifyReply {
  code(status: number): FastifyReply;
  headers(headers: Record<string, string>): FastifyReply;
  send(): unknown;
}

/** An `onRequest` hook for Fastify. The claims are `request.raw.jeton`, and stand in the request's `x-jeton-` headers. */
export function fastify<R extends FastifyRequest>(verifier: Verifier, demand: NodeDemand<R> = {}) {
  const checkedDemand = gate(demand);
  return async (request: R, reply: FastifyReply): Promise<unknown> => {
    const peer = demand.peer === undefined ? request.ip : demand.peer(request);
    const outcome = judge(verifier, checkedDemand, authorizationOf(request.raw), peer);
    if (outcome.allowed) {
      admit(request.raw, outcome.claims);
      return undefined;
    }
    reply.code(outcome.status).headers({ ...outcome.headers }).send();
    return reply;
  };
}

/** All of them: of a field that is sent twice, `headers` has the first alone. */
function authorizationOf(request: IncomingRequest): string[] {
  return request.rawHeaders.filter((_, place) => place % 2 === 1 && request.rawHeaders[place - 1]?.toLowerCase() === "authorization");
}

function admit(request: IncomingRequest, claims: Claims): void {
  for (const name of Object.keys(request.headers)) {
    if (isReserved(name)) delete request.headers[name];
  }
  const raw = request.rawHeaders;
  for (let place = raw.length - 2; place >= 0; place -= 2) {
    if (isReserved(raw[place] ?? "")) raw.splice(place, 2);
  }
  for (const [name, value] of identity(claims)) {
    request.headers[name] = value;
    raw.push(name, value);
  }
  request.jeton = claims;
}
