// An API behind Hono: JETON_URL, JETON_TOKEN (a refresh token with `jeton:live`; optional) and PORT say where.
import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { Hono } from "hono";
import { Verifier, hono as guard } from "jeton-verifier";

const verifier = new Verifier({ authority: process.env.JETON_URL, credential: process.env.JETON_TOKEN });
const app = new Hono();
app.use(guard(verifier, { requiredScopes: ["orders:read"], peer: (c) => getConnInfo(c).remote.address }));
app.get("/orders", (c) => c.json({ subject: c.get("jeton").subject, headers: Object.fromEntries(c.req.raw.headers) }));
serve({ fetch: app.fetch, port: process.env.PORT, hostname: "127.0.0.1" });
