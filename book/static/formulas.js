/* Formulas that are wider than their line scroll, and can then be reached by keyboard; all others are left alone. */
"use strict";

addEventListener("load", () => {
  const mark = () => {
    for (const formula of document.querySelectorAll("span.math")) {
      formula.classList.remove("scrolls");
      formula.removeAttribute("tabindex");
      const shown = formula.querySelector("mjx-container");
      if (!shown || shown.getBoundingClientRect().width <= formula.parentElement.closest(":not(span):not(strong):not(em):not(a)").clientWidth) continue;
      formula.classList.add("scrolls");
      formula.tabIndex = 0;
    }
    for (const box of document.querySelectorAll("div.math, div.math mjx-container")) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  const ready = window.MathJax && MathJax.startup && MathJax.startup.promise;
  if (!ready) return;
  ready.then(mark);
  addEventListener("resize", mark);
});
