// An API behind Fastify: JETON_URL, JETON_TOKEN (a refresh token with `jeton:live`; optional) and PORT say where.
import Fastify from "fastify";
import { Verifier, fastify as guard } from "jeton-verifier";

const verifier = new Verifier({ authority: process.env.JETON_URL, credential: process.env.JETON_TOKEN });
const app = Fastify();
app.addHook("onRequest", guard(verifier, { requiredScopes: ["orders:read"] }));
app.get("/orders", (request) => ({ subject: request.raw.jeton.subject, headers: request.headers }));
await app.listen({ port: process.env.PORT, host: "127.0.0.1" });
