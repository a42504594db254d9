// Every page that the console leads to, as people see it: wide and narrow, by day and by night, and without a barrier.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ADMIN, URL_OF_SERVER, exchange, fits, hide, inBrowser, isAccessible, makeFirstAccount, signIn } from "./support.mjs";

/** Where pictures go, for the documents. Unset: nowhere. */
const { JETON_PICTURES: PICTURES } = process.env;
/** Which pictures the documents show. */
const SHOWN = ["console-wide-light", "tokens-wide-light", "tokens-wide-dark", "tokens-narrow-light", "tokens-new-wide-light", "tokens-one-wide-light", "settings-wide-light", "audit-wide-light"];
/** The narrowest window that a page must fit (WCAG 2.2, 1.4.10), and a usual one, in pixels. */
const WINDOWS = { narrow: { width: 320, height: 640 }, wide: { width: 1280, height: 800 } };
const HOUR = 3600;
const DAY = 24 * HOUR;
/** Tokens of every kind that a list shows. */
const TOKENS = [
  { name: "nightly report", scopes: ["orders:read"], owner: "reports", expires_in: 89 * DAY },
  { name: "warehouse sync", scopes: ["stock:read", "stock:write"], owner: "warehouse", never: true },
  { name: "a contractor, until the end of the week", scopes: ["orders:read"], owner: "mia", expires_in: 5 * DAY },
  { name: "grafana", scopes: ["metrics:read"], expires_in: 30 * DAY, enabled: false },
  { name: "old laptop", scopes: ["orders:read"], owner: "mia", expires_in: 60 * DAY, deleted: true },
];

async function call(access, method, path, body) {
  const headers = { Authorization: `Bearer ${access}`, "Content-Type": "application/json" };
  const answer = await fetch(`${URL_OF_SERVER}${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** Makes what there is to be seen, and gives the ids. */
async function furnish() {
  const { access_token: access } = await exchange(ADMIN);
  const ids = [];
  for (const { enabled = true, deleted = false, ...asked } of TOKENS) {
    const made = await call(access, "POST", "/v1/refresh-tokens", asked);
    hide(made.token);
    ids.push(made.id);
    await exchange(made.token);
    if (!enabled) await call(access, "PATCH", `/v1/refresh-tokens/${made.id}`, { enabled: false });
    if (deleted) await call(access, "DELETE", `/v1/refresh-tokens/${made.id}`);
  }
  const child = await call(access, "POST", "/v1/refresh-tokens", { name: "warehouse sync, the scanner", scopes: ["stock:read"], parent: ids[1], expires_in: 20 * DAY });
  hide(child.token);
  return ids;
}

/** What there is to be seen: a word for each page, and its path. */
async function pages(page, ids) {
  await page.goto("/console/tokens");
  const links = await page.getByRole("navigation", { name: "Console" }).getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  const word = (path) => path.replace("/console/", "").replaceAll("/", "-").replace(/^-/, "");
  return Object.entries({
    ...Object.fromEntries(links.map((path) => [word(path), path])),
    "tokens-new": "/console/tokens/new",
    "tokens-one": `/console/tokens/${ids[1]}`,
    "tokens-edit": `/console/tokens/${ids[1]}/edit`,
    "tokens-dead": `/console/tokens/${ids[4]}`,
    "tokens-filtered": "/console/tokens?q=warehouse&state=active",
    "account-second-factor": "/console/account/second-factor",
    "users-one": "/console/users/root",
    trouble: "/console/tokens?cursor=nonsense",
  });
}

test("every page can be read by everybody, in a narrow window too, by day and by night", async () => {
  await inBrowser({}, (page) => makeFirstAccount(page));
  const ids = await furnish();
  for (const colorScheme of ["light", "dark"]) {
    await inBrowser({ colorScheme }, async (page) => {
      await signIn(page);
      for (const [name, path] of await pages(page, ids)) {
        for (const [width, viewport] of Object.entries(WINDOWS)) {
          const what = `${name}, ${width}, ${colorScheme}`;
          await page.setViewportSize(viewport);
          await page.goto(path);
          await fits(page, what);
          // By night nothing but the colours is another.
          await isAccessible(page, what, colorScheme === "dark" ? ["color-contrast"] : undefined);
          const picture = `${name}-${width}-${colorScheme}`;
          if (PICTURES && SHOWN.includes(picture)) {
            mkdirSync(PICTURES, { recursive: true });
            await page.screenshot({ path: join(PICTURES, `${picture}.png`) });
          }
        }
      }
    });
  }
});
