// The same by the keyboard alone, with the focus to be seen wherever it is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { exchange, hide, inBrowser, makeFirstAccount } from "./support.mjs";

/** So many presses of Tab lead to anything on a page: more would tire anybody. */
const PRESSES = 60;

/** Presses Tab until what has the focus is what is sought, and sees that a ring is drawn around it. */
async function tabTo(page, wanted) {
  for (let pressed = 0; pressed < PRESSES; pressed++) {
    const focused = page.locator(":focus");
    if ((await focused.count()) && (await focused.and(wanted).count())) {
      const ring = await focused.evaluate((element) => getComputedStyle(element).outlineStyle);
      assert.notEqual(ring, "none", "the focus is to be seen");
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not lead to ${wanted}`);
}

test("by the keyboard alone a token is made, copied and deleted", () =>
  inBrowser({}, async (page) => {
    await makeFirstAccount(page);
    await page.goto("/console/tokens");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main", "the navigation can be skipped");
    await tabTo(page, page.getByRole("link", { name: "Create token" }));
    await page.keyboard.press("Enter");
    await tabTo(page, page.getByLabel("Name", { exact: true }));
    await page.keyboard.type("typed");
    await page.keyboard.press("Enter");
    await tabTo(page, page.getByRole("button", { name: "Copy to clipboard" }).first());
    await page.keyboard.press("Enter");
    await page.getByText("Copied.").waitFor();
    const token = await page.evaluate(() => navigator.clipboard.readText());
    hide(token);
    assert.equal((await exchange(token)).token_type, "Bearer");
    await tabTo(page, page.getByRole("link", { name: "Close" }));
    await page.keyboard.press("Enter");
    await tabTo(page, page.getByRole("checkbox", { name: "Select typed" }));
    await page.keyboard.press("Space");
    // Backwards: the button stands above the table.
    await page.evaluate(() => document.querySelector("main").focus());
    await tabTo(page, page.getByRole("button", { name: "Delete", exact: true }).first());
    await page.keyboard.press("Enter");
    await page.getByText("typed").first().waitFor();
    await tabTo(page, page.getByRole("button", { name: "Delete", exact: true }));
    await page.keyboard.press("Enter");
    await page.getByRole("status").getByText(/deleted/).waitFor();
    assert.equal((await exchange(token)).error, "invalid_grant");
  }));
