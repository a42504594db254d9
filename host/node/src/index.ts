/**
 * Says whether a Jeton access token is alive, by the authority's own rules, without a call home.
 *
 * ```js
 * const verifier = new Verifier({ authority: "https://tokens.example" });
 * app.use(express(verifier, { requiredScopes: ["orders:read"] }));
 * ```
 */

export type { Claims } from "./claims.js";
export { guard, hono, type Checked, type HonoContext, type HonoDemand } from "./fetch.js";
export type { Demand, Reason } from "./http.js";
export { express, fastify, type FastifyReply, type FastifyRequest, type IncomingRequest, type NodeDemand, type OutgoingResponse } from "./node.js";
export type { Hooks, VerifierOptions, Warning } from "./options.js";
export { Verifier, type Code, type Presented, type Status, type Verdict } from "./verifier.js";
