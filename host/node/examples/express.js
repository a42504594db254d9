// An API behind Express: JETON_URL, JETON_TOKEN (a refresh token with `jeton:live`; optional) and PORT say where.
import express from "express";
import { Verifier, express as guard } from "jeton-verifier";

const verifier = new Verifier({ authority: process.env.JETON_URL, credential: process.env.JETON_TOKEN });
const app = express();
app.use(guard(verifier, { requiredScopes: ["orders:read"] }));
app.get("/orders", (request, response) => response.json({ subject: request.jeton.subject, headers: request.headers }));
app.listen(process.env.PORT, "127.0.0.1");
