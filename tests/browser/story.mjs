// The operator's first minute, click by click: the first account, a token, its copy, its end.

import assert from "node:assert/strict";
import { test } from "node:test";

import { exchange, hide, inBrowser, isAccessible, makeFirstAccount } from "./support.mjs";

test("who comes first makes an account, a token, copies it, uses it and deletes it", () =>
  inBrowser({}, async (page) => {
    await page.goto("/");
    await isAccessible(page, "the first account");
    await makeFirstAccount(page);

    await page.goto("/console/tokens");
    await page.getByRole("heading", { name: "API Refresh Token Management" }).waitFor();
    await page.getByRole("link", { name: "Create token" }).click();
    await page.getByLabel("Name", { exact: true }).fill("nightly report");
    await isAccessible(page, "a new token");
    await page.getByRole("button", { name: "Create", exact: true }).click();

    await isAccessible(page, "a token that is shown once");
    const token = await page.getByLabel("Token", { exact: true }).inputValue();
    hide(token);
    await page.getByRole("button", { name: "Copy to clipboard" }).first().click();
    await page.getByText("Copied.").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
    const given = await exchange(token);
    assert.equal(given.token_type, "Bearer");
    await page.getByRole("link", { name: "Close" }).click();

    const row = page.getByRole("row").filter({ hasText: "nightly report" });
    assert.match(await row.innerText(), /active[\s\S]*in (89|90) days/);
    assert.ok(!(await page.content()).includes(token), "it is shown once");
    await row.getByRole("checkbox").check();
    await page.getByRole("button", { name: "Delete", exact: true }).first().click();
    await page.getByText("nightly report").first().waitFor();
    assert.equal((await exchange(token)).token_type, "Bearer", "nothing is deleted before it is confirmed");
    await isAccessible(page, "what is about to be deleted");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("status").getByText(/deleted/).waitFor();
    assert.deepEqual(await exchange(token).then(({ status, error }) => [status, error]), [400, "invalid_grant"]);

    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  }));
