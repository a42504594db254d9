// A provider of OpenID Connect that lies on demand. `POST /lie` with a word says about what; everything else is what an honest one has.
// It prints its port, and sends whoever comes to it back at once.

import { createServer } from "node:http";

import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from "jose";

const CLIENT = "jeton";
const HOUR = 3600;

const own = await generateKeyPair("ES256");
const stolen = await generateKeyPair("ES256");
const publicKey = { ...(await exportJWK(own.publicKey)), kid: "own", alg: "ES256", use: "sig" };
const codes = new Map();
let lie = "nothing";

const server = createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const json = (value, status = 200) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  switch (url.pathname) {
    case "/lie":
      lie = body;
      return response.writeHead(204).end();
    case "/.well-known/openid-configuration":
      if (lie === "no configuration") return json({}, 500);
      return json({
        issuer: lie === "configuration of another" ? "http://127.0.0.1:9" : issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256", "HS256", "none"],
      });
    case "/jwks":
      return json({ keys: [publicKey] });
    case "/authorize": {
      const code = `code-${codes.size}`;
      codes.set(code, url.searchParams.get("nonce"));
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.searchParams.set("code", code);
      back.searchParams.set("state", lie === "state" ? "another" : url.searchParams.get("state"));
      if (lie === "response of another") back.searchParams.set("iss", "http://127.0.0.1:9");
      return response.writeHead(303, { Location: back.href }).end();
    }
    case "/token": {
      const code = new URLSearchParams(body).get("code");
      const nonce = codes.get(code);
      codes.set(code, undefined);
      if (nonce === undefined) return json({ error: "invalid_grant" }, 400);
      if (lie === "garbage") return response.writeHead(200, { "Content-Type": "application/json" }).end("{");
      if (lie === "too much") return json({ access_token: "a".repeat(2 * 1024 * 1024), token_type: "Bearer" });
      const idToken = await sign(nonce);
      return json({ access_token: "an-access-token", token_type: "Bearer", ...(lie === "no ID token" ? {} : { id_token: idToken }) });
    }
    default:
      return json({}, 404);
  }
});

async function sign(nonce) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { preferred_username: "alice", groups: ["token-admins"], nonce: lie === "nonce" ? "another" : nonce };
  if (lie === "no nonce") delete claims.nonce;
  if (lie === "access token of another") claims.at_hash = "AAAAAAAAAAAAAAAAAAAAAA";
  if (lie === "name") claims.preferred_username = "machine";
  if (lie === "role") claims.groups = "token-admins-not";
  const token = (Kind) =>
    new Kind(claims)
      .setIssuer(lie === "issuer" ? "http://127.0.0.1:9" : issuer)
      .setSubject(lie === "subject of another" ? "somebody else" : "alice's subject")
      .setAudience(lie === "audience" ? "another" : lie === "more audiences" ? [CLIENT, "another"] : CLIENT)
      .setIssuedAt(lie === "expired" ? now - 2 * HOUR : now)
      .setExpirationTime(lie === "expired" ? now - HOUR : now + HOUR);
  if (lie === "alg none") return token(UnsecuredJWT).encode();
  const signed = token(SignJWT);
  if (lie === "signed with the secret") return signed.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(process.env.CLIENT_SECRET));
  return signed.setProtectedHeader({ alg: "ES256", kid: "own" }).sign(lie === "key" ? stolen.privateKey : own.privateKey);
}

await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(server.address().port);
