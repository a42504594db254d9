// A provider of OpenID Connect for the stories of single sign-on: `oidc-provider`, with people of every kind. It listens on a port of its
// own, which it prints, and signs in whoever types a name; what it says of them is below.

import { createServer } from "node:http";

import Provider from "oidc-provider";

const GROUPS = { alice: ["token-admins"], vera: ["everybody", "token-viewers"], nobody: ["everybody"], root: ["token-admins"] };

const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const { port } = server.address();
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "jeton", client_secret: process.env.CLIENT_SECRET, redirect_uris: [process.env.REDIRECT_URI], grant_types: ["authorization_code"], response_types: ["code"] }],
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: `subject of ${id}`, preferred_username: id, groups: GROUPS[id] ?? [], email: `${id}@house.example` }),
  }),
});
server.on("request", provider.callback());
console.log(port);
