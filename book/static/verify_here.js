// "Verify here": gives every certificate of a page a button that checks it in this browser, offline, without rounding.
"use strict";
(() => {
  const SLICE = 30; // milliseconds of checking between two breaths of the page

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // One digit of one number of the dual point, the weights or a claim, raised by one (9 becomes 0).
  function changeDigit(text) {
    const keys = ["objective", "lower_bound", "G", "U", "V", "lam"], key = keys[Math.floor(Math.random() * keys.length)];
    const from = text.indexOf(`"${key}":`) + key.length + 3, next = text.indexOf('\n"', from);
    const places = [...text.slice(from, next < 0 ? text.length : next).matchAll(/\.\d+/g)];
    if (!places.length) return { text, key: null };
    const place = places[Math.floor(Math.random() * places.length)];
    const at = from + place.index + 1 + Math.floor(Math.random() * Math.min(place[0].length - 1, 6));
    return { text: text.slice(0, at) + ((Number(text[at]) + 1) % 10) + text.slice(at + 1), key, at };
  }

  function equip(figure) {
    const original = figure.querySelector("script.certificate").textContent.trim();
    const verdict = make("p", { className: "verify-verdict" }), list = make("ul"), bar = make("progress", { max: 1, value: 0, hidden: true });
    const live = make("div", {}, verdict, list);
    live.setAttribute("aria-live", "polite");
    bar.setAttribute("aria-label", "progress of the check");
    const check = make("button", { type: "button", textContent: "Verify here" });
    const change = make("button", { type: "button", textContent: "Change a digit" });
    const undo = make("button", { type: "button", textContent: "Undo all changes", disabled: true });
    const save = make("a", { className: "verify-save", textContent: "Save the file", download: `${figure.dataset.name}.json` });
    const area = make("textarea", { value: original, spellcheck: false });
    area.setAttribute("aria-label", "the certificate's file; any digit can be changed");
    const note = make("p");
    let run = null, started = 0;

    function show(state, words, items) {
      figure.dataset.verdict = state;
      verdict.textContent = words;
      list.replaceChildren(...items.map((item) => make("li", { textContent: item })));
    }
    function stop() { run = null; bar.hidden = true; check.textContent = "Verify here"; }
    function edited(words) {
      stop();
      undo.disabled = area.value === original;
      note.textContent = words;
      show("", "", []);
    }
    function finish({ confirmed, reasons, checked }) {
      const seconds = ((performance.now() - started) / 1000).toFixed(1), changed = area.value !== original ? " (the file was changed)" : "";
      stop();
      if (confirmed) show("confirmed", `Confirmed in ${seconds} s, without rounding${changed}:`, checked);
      else show("rejected", `Rejected after ${seconds} s${changed}:`, reasons);
    }
    function slice() {
      const current = run, until = performance.now() + SLICE;
      if (!current) return;
      try {
        for (;;) {
          const step = current.next();
          if (step.done) return finish(step.value);
          const [what, done, all] = step.value;
          bar.value = done / all;
          verdict.textContent = `Checking: ${what} …`;
          if (performance.now() > until) break;
        }
      } catch (error) {
        stop();
        return show("rejected", "The check could not be completed:", [String(error.message || error)]);
      }
      setTimeout(slice, 0);
    }
    check.onclick = () => {
      if (run) { stop(); return show("", "Stopped.", []); }
      run = checkCertificate(area.value);
      started = performance.now();
      show("", "Checking …", []);
      Object.assign(bar, { hidden: false, value: 0 });
      check.textContent = "Stop";
      setTimeout(slice, 0);
    };
    change.onclick = () => {
      const { text, key, at } = changeDigit(area.value);
      area.value = text;
      edited(key === null ? "No digit found to change." : `Changed one digit of ${key}, at character ${at + 1} of the file. Now verify.`);
    };
    undo.onclick = () => { area.value = original; edited(""); };
    area.oninput = () => edited("");
    save.onclick = () => {
      save.href = URL.createObjectURL(new Blob([area.value + "\n"], { type: "application/json" }));
      setTimeout(() => URL.revokeObjectURL(save.href), 1000);
    };
    save.href = "#";
    const file = make("details", {}, make("summary", { textContent: "The file" }), area);
    figure.append(make("div", { className: "verify-buttons" }, check, change, undo, save), note, bar, live, file);
  }

  function start() { document.querySelectorAll(".verify-here").forEach(equip); }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
