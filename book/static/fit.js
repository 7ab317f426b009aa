/* A formula or a table that is wider than its place becomes smaller, if a little is enough; else it scrolls, also by keyboard. */
"use strict";

addEventListener("load", () => {
  const least = { formula: 0.7, table: 0.75 };
  const room = formula => formula.parentElement.closest(":not(span):not(strong):not(em):not(a)").clientWidth;
  /* Not all of a width goes with the letters: a second and a third step where one was not enough. */
  const fit = (shown, share, smallest) => {
    let size = 1;
    for (let step = 0; step < 3 && share() < 1; step += 1) {
      size *= share();
      shown.style.fontSize = size < smallest ? "" : `${Math.floor(100 * size)}%`;
      if (size < smallest) return;
    }
  };
  const formulas = () => {
    for (const shown of document.querySelectorAll("mjx-container")) shown.style.fontSize = "";
    for (const formula of document.querySelectorAll("span.math")) {
      formula.classList.remove("scrolls");
      formula.removeAttribute("tabindex");
      const shown = formula.querySelector("mjx-container");
      if (!shown) continue;
      fit(shown, () => room(formula) / shown.getBoundingClientRect().width, least.formula);
      if (shown.getBoundingClientRect().width <= room(formula)) continue;
      formula.classList.add("scrolls");
      formula.tabIndex = 0;
    }
    for (const box of document.querySelectorAll("div.math mjx-container, div.math")) {
      if (box.matches("mjx-container")) fit(box, () => box.clientWidth / box.scrollWidth, least.formula);
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  const tables = () => {
    for (const box of document.querySelectorAll(".book-table, .pst-scrollable-table-container")) {
      box.style.fontSize = "";
      fit(box, () => box.clientWidth / box.scrollWidth, least.table);
    }
  };
  const all = () => { tables(); formulas(); };
  const ready = window.MathJax && MathJax.startup && MathJax.startup.promise;
  if (ready) ready.then(all);
  else tables();
  addEventListener("resize", all);
});
