// Colleagues come in by the house's provider, and are what it says they are.

import assert from "node:assert/strict";
import { test } from "node:test";

import { inBrowser, isAccessible } from "./support.mjs";

/** Signs in at the provider, which asks for a name, any password, and a consent. */
async function atTheProvider(page, name) {
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

async function signIn(page, name) {
  await page.goto("/console/sign-in");
  await isAccessible(page, "the sign-in");
  await page.getByRole("link", { name: "Single sign-on" }).click();
  await atTheProvider(page, name);
}

test("who administers tokens at the provider administers them here", () =>
  inBrowser({}, async (page) => {
    await signIn(page, "alice");
    await page.getByText("Signed in as alice").waitFor();
    await page.getByRole("heading", { name: "API Refresh Token Management" }).waitFor();
    await page.getByRole("link", { name: "Users" }).click();
    await page.getByRole("row").filter({ hasText: "alice" }).getByText("admin").waitFor();
    // Signed in there, she is not asked again.
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.getByRole("link", { name: "Single sign-on" }).click();
    await page.getByText("Signed in as alice").waitFor();
  }));

test("who may look there may look here and touches nothing", () =>
  inBrowser({}, async (page) => {
    await signIn(page, "vera");
    await page.getByText("Signed in as vera").waitFor();
    assert.equal(await page.getByRole("link", { name: "Create token" }).count(), 0);
    assert.equal((await page.goto("/console/users")).status(), 403);
  }));

test("who has no role there is not let in", () =>
  inBrowser({}, async (page) => {
    await signIn(page, "nobody");
    await page.getByRole("alert").getByText("you have no role here").waitFor();
    await page.goto("/console/tokens");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  }));
