/* The page of claims: find claims by words, see negative controls alone, or what is not tested. Without scripts: all. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const summary = document.querySelector(".claims-summary");
  if (!summary) return;
  summary.insertAdjacentHTML("afterend", `<div class="claims-filter book-play-controls" role="search" aria-label="Claims">
    <label>Find <input type="text" placeholder="words, or a function"></label>
    <label>Show <select><option value="">all claims</option><option value=".claim-control">negative controls</option>
    <option value=".statement-open">statements without a claim</option></select></label> <output aria-live="polite"></output></div>`);
  const box = summary.nextElementSibling, words = box.querySelector("input"), kind = box.querySelector("select");
  const bodies = [...document.querySelectorAll(".claims-table tbody")].map(body => ({
    body, head: body.querySelector("th").textContent.toLowerCase(),
    rows: [...body.querySelectorAll("tr")].filter(row => row.querySelector("td")),
  }));

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { body, head, rows } of bodies) {
      let any = false;
      for (const row of rows) {
        const text = `${head} ${row.textContent.toLowerCase()}`;
        const right = wanted.every(word => text.includes(word)) &&
          (!kind.value || row.matches(kind.value) || row.querySelector(kind.value) !== null);
        row.hidden = !right;
        any = any || right;
        shown += right;
      }
      body.hidden = !any;
    }
    box.querySelector("output").value = wanted.length || kind.value ? `${shown} shown` : "";
  }
  box.addEventListener("input", filter);
});
