// The same without JavaScript: everything but copying.

import assert from "node:assert/strict";
import { test } from "node:test";

import { exchange, hide, inBrowser, makeFirstAccount } from "./support.mjs";

test("without a script tokens are made, found and deleted all the same", () =>
  inBrowser({ javaScriptEnabled: false }, async (page) => {
    await makeFirstAccount(page);
    await page.goto("/console/tokens/new");
    await page.getByLabel("Name", { exact: true }).fill("by hand");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const token = await page.getByLabel("Token", { exact: true }).inputValue();
    hide(token);
    assert.equal((await exchange(token)).token_type, "Bearer");
    assert.equal(await page.getByRole("button", { name: "Copy to clipboard" }).count(), 0, "what needs a script is not shown");
    await page.getByRole("link", { name: "Close" }).click();

    await page.getByLabel("Name contains").fill("hand");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("row").filter({ hasText: "by hand" }).getByRole("checkbox").check();
    await page.getByRole("button", { name: "Delete", exact: true }).first().click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("status").getByText(/deleted/).waitFor();
    assert.equal((await exchange(token)).error, "invalid_grant");
  }));
