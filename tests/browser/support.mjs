// What every story of the console needs: Debian's Chromium, somebody in it, and eyes that miss no breach of the page's policy.

import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

/** What the test that runs this has started: where the server listens, and the code that makes the first account. */
export const { JETON_URL: URL_OF_SERVER, JETON_FIRST_CODE: FIRST_CODE, JETON_ADMIN: ADMIN, JETON_SECRETS: SECRETS } = process.env;

export const NAME = "root";
export const PASSWORD = "correct horse battery staple";

/** The success criteria of WCAG 2.2, levels A and AA. */
const CRITERIA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** So long an element or a page is waited for, in milliseconds: a ceiling on a loaded machine, nothing that is measured. */
const CEILING = 30_000;

/** Runs a story in a browser of its own; whatever the browser complained of meanwhile fails it. */
export async function inBrowser(options, story) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    const context = await browser.newContext({ baseURL: URL_OF_SERVER, viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(CEILING);
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: URL_OF_SERVER });
    const complaints = [];
    context.on("weberror", (error) => complaints.push(String(error.error())));
    context.on("console", (message) => {
      // A page that was refused is told so here too; the story looks at it itself.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
    });
    const page = await context.newPage();
    await story(page, context);
    for (const cookie of await context.cookies()) hide(cookie.value);
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
}

/** Tells the test that runs this what must never be found in the server's output. */
export function hide(secret) {
  appendFileSync(SECRETS, `${secret}\n`);
}

/** Makes the first account with the machine's code, which signs it in. */
export async function makeFirstAccount(page) {
  await page.goto("/");
  await page.getByLabel("One-time code").fill(FIRST_CODE);
  await page.getByLabel("Name").fill(NAME);
  await page.getByLabel("New password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("New password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByText(`Signed in as ${NAME}`).waitFor();
}

/** Signs in whom another story made. */
export async function signIn(page) {
  await page.goto("/console/sign-in");
  await page.getByLabel("Name").fill(NAME);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(`Signed in as ${NAME}`).waitFor();
}

/** What the service says of a refresh token: the answer to its exchange. */
export async function exchange(refreshToken) {
  const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken });
  const answer = await fetch(`${URL_OF_SERVER}/oauth2/token`, { method: "POST", body });
  const given = await answer.json();
  if (given.access_token) hide(given.access_token);
  return { status: answer.status, ...given };
}

/** Sees that the page breaks no criterion of WCAG 2.2 AA that a program can see. */
export async function isAccessible(page, what, rules = CRITERIA) {
  // Not by a script element, which the page's policy would refuse.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((criteria) => axe.run(document, { runOnly: criteria }), rules);
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(found, [], what);
}

/** Sees that a page is as wide as its window. */
export async function fits(page, what) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `${what} is ${content} px wide in a window of ${window}`);
}
