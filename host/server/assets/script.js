"use strict";
// Makes pages handier. Every page works without it, but for copying.

for (const button of document.querySelectorAll("[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  const status = document.getElementById(button.dataset.says);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      status.textContent = "Copied.";
    } catch {
      // No permission, or no secure context: what is selected can be copied by hand.
      source.focus();
      source.select?.();
      status.textContent = "Press Ctrl+C to copy.";
    }
  });
}

for (const all of document.querySelectorAll("[data-selects]")) {
  const boxes = () => document.querySelectorAll(`input[name="${all.dataset.selects}"]`);
  all.parentElement.hidden = false;
  all.addEventListener("change", () => boxes().forEach((box) => { box.checked = all.checked; }));
}
