/* Links to the glossary show the definition beside the word: under the pointer, with the keyboard's focus, by a touch.
   Escape hides it. The link itself still leads to the glossary. */
"use strict";

addEventListener("DOMContentLoaded", () => {
  const links = document.querySelectorAll("a[data-definition]");
  if (!links.length) return;
  const note = document.createElement("div");
  note.id = "term-note";
  note.setAttribute("role", "tooltip");
  note.hidden = true;
  document.body.append(note);
  let shown = null;
  let touched = null;

  const hide = () => {
    if (shown) shown.removeAttribute("aria-describedby");
    shown = touched = null;
    note.hidden = true;
  };
  const show = (link) => {
    hide();
    shown = link;
    note.textContent = link.dataset.definition;
    link.setAttribute("aria-describedby", note.id);
    note.hidden = false;
    const place = link.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(place.left, width - note.offsetWidth - 8));
    const above = place.top > note.offsetHeight + 12;
    note.style.left = `${left + scrollX}px`;
    note.style.top = `${scrollY + (above ? place.top - note.offsetHeight - 6 : place.bottom + 6)}px`;
  };
  for (const link of links) {
    link.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") show(link); });
    link.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hide(); });
    link.addEventListener("focus", () => show(link));
    link.addEventListener("blur", hide);
    link.addEventListener("click", (event) => {
      if (event.pointerType !== "touch" || (shown === link && touched === link)) return;
      event.preventDefault();
      show(link);
      touched = link;
    });
  }
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
});
