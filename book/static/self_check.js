// Questions that a page judges by itself, from file:// too. The judgement is claimbook.questions.verdict, line by line.
"use strict";
var selfCheck = (() => {
  const LETTERS = "abcdefgh";
  const decode = (key) => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(key), (c) => c.charCodeAt(0))));

  // A number as people write it: 0.6, 0,6, 3/5, 1e-3, −2
  function read(text) {
    const plain = text.trim().replace("−", "-").replace(/^([^.]*),([^.,]*)$/, "$1.$2"), parts = plain.split("/");
    const numbers = parts.map((part) => (/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(part) ? Number(part) : NaN));
    return parts.length === 1 ? numbers[0] : parts.length === 2 ? numbers[0] / numbers[1] : NaN;
  }

  // [right, words]
  function verdict(key, answer) {
    const known = decode(key);
    if (known.kind === "choice") {
      const index = answer.trim() ? LETTERS.indexOf(answer.trim().toLowerCase()[0]) : -1;
      if (index < 0 || index >= known.reasons.length) return [false, "Choose one."];
      return [index === known.answer, known.reasons[index]];
    }
    const value = read(answer);
    if (Number.isNaN(value)) return [false, "Answer with a number, such as 0.25, 1/4 or 2.5e-1."];
    if (Math.abs(value - known.answer) <= known.within) return [true, ""];
    const mistake = known.wrong.find(([wrong]) => Math.abs(value - wrong) <= known.within);
    return [false, mistake ? mistake[1] : known.otherwise];
  }
  return { verdict, read };
})();

if (typeof document !== "undefined") document.addEventListener("DOMContentLoaded", () => {
  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // $…$ becomes a formula, as on the page
  function say(place, right, words) {
    const text = `${right ? "Right." : "Not yet."} ${words}`.trim();
    const parts = text.split(/\$([^$]+)\$/).map((part, i) => (i % 2 ? make("span", { className: "math notranslate", textContent: `\\(${part}\\)` }) : part));
    place.replaceChildren(...parts);
    place.dataset.right = right;
    if (window.MathJax && MathJax.typesetPromise) MathJax.typesetPromise([place]);
  }

  document.querySelectorAll(".self-check").forEach((box, number) => {
    const list = box.querySelector("ol"), question = box.querySelector(".self-check-question");
    question.id = `self-check-${number}`;
    const said = make("div", {}), button = make("button", { type: "submit", textContent: "Check" });
    said.setAttribute("role", "status");
    said.setAttribute("aria-live", "polite");
    const form = make("form", { autocomplete: "off", noValidate: true });
    let answer;
    if (list) {
      const group = make("fieldset", {});
      group.setAttribute("aria-labelledby", question.id);
      group.setAttribute("role", "radiogroup");
      [...list.children].forEach((item, i) => {
        const radio = make("input", { type: "radio", name: `answer-${number}`, value: "abcdefgh"[i] });
        if (item.querySelector(".math")) radio.setAttribute("aria-label", item.textContent.replace(/\\[()]/g, ""));  // a formula is a picture
        group.append(make("label", {}, radio, " ", ...item.childNodes));
      });
      list.remove();
      form.append(group);
      answer = () => new FormData(form).get(`answer-${number}`) || "";
    } else {
      const field = make("input", { type: "text", inputMode: "text", spellcheck: false });
      field.setAttribute("aria-labelledby", question.id);
      form.append(field);
      answer = () => field.value;
    }
    form.append(button, said);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      say(said, ...selfCheck.verdict(box.dataset.key, answer()));
    });
    box.append(form);
  });
});
if (typeof module !== "undefined") module.exports = selfCheck;
