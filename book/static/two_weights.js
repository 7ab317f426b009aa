/* A certificate at every point of f(u, v) = ½(y − uv)² + ½λ(u² + v²): drag the point, or move the sliders.
   `certificate` is the whole mathematics; a test holds it against the package. */
"use strict";

const TwoWeights = (() => {
  const TOLERANCE = 1e-3; // of the relative gap, and of the polar over λ

  /** Objective, proved lower bound, polar over λ, gradient norm, optimum and verdict at (u, v). */
  function certificate(u, v, y, lam) {
    const residual = y - u * v;
    const polar = Math.abs(residual);
    const objective = 0.5 * residual ** 2 + 0.5 * lam * (u * u + v * v);
    const scale = polar > 0 ? Math.max(0, Math.min(lam / polar, y / residual)) : 0; // the best feasible dual point
    const bound = Math.max(0, scale * residual * y - 0.5 * (scale * residual) ** 2);
    const optimum = lam < y ? lam * y - 0.5 * lam * lam : 0.5 * y * y;
    const gradient = Math.hypot(lam * u - residual * v, lam * v - residual * u);
    const gap = objective > 0 ? (objective - bound) / objective : 0;
    const verdict = gap <= TOLERANCE ? "certified" : polar > lam * (1 + TOLERANCE) ? "refuted" : "undecided";
    return { objective, bound, polar: polar / lam, gradient, optimum, gap, verdict };
  }

  /** Gradient descent from (u, v) to where it rests. */
  function descend(u, v, y, lam) {
    for (let step = 0; step < 4000; step++) {
      const residual = y - u * v;
      [u, v] = [u - 0.02 * (lam * u - residual * v), v - 0.02 * (lam * v - residual * u)];
    }
    return [u, v];
  }

  const REACH = 2.6;
  const WHY = {
    certified: "No network of any size is better.",
    refuted: "One more subnetwork lowers f, so this is not optimal.",
    undecided: "No new subnetwork helps: it is the weights that must move.",
  };
  const SIGN = { certified: "✓ Certified.", refuted: "✗ Refuted.", undecided: "? Undecided." };

  function paint(canvas, y, lam) {
    const size = canvas.width, context = canvas.getContext("2d"), image = context.createImageData(size, size);
    const low = certificate(0, 0, y, lam).optimum;
    for (let j = 0; j < size; j++) for (let i = 0; i < size; i++) {
      const u = REACH * (2 * i / size - 1), v = REACH * (1 - 2 * j / size);
      const height = Math.min(1, Math.sqrt(Math.max(0, certificate(u, v, y, lam).objective - low) / 8));
      const level = Math.floor(height * 10) / 10, at = 4 * (j * size + i);
      image.data.set([255 * level, 32 + 200 * level, 77 + 30 * Math.sin(3 * level), 255], at);
    }
    context.putImageData(image, 0, 0);
  }

  function bars(found) {
    const most = 1.15 * Math.max(found.objective, found.optimum, 1);
    return [["f here", found.objective, "tw-f"], ["proved bound", found.bound, "tw-bound"], ["optimum F*", found.optimum, "tw-best"]]
      .map(([name, value, kind]) => `<div class="tw-bar"><span>${name}</span><i class="${kind}" style="width:${(52 * value) / most}%"></i>` +
        `<b>${value.toFixed(3)}</b></div>`).join("");
  }

  function mount(box, index) {
    const y = Number(box.dataset.y || 3), id = `two-weights-${index}`;
    const slider = (name, label, least, most, value) =>
      `<label for="${id}-${name}">${label}</label><input id="${id}-${name}" data-name="${name}" type="range" min="${least}" max="${most}" step="0.01" value="${value}"><output for="${id}-${name}"></output>`;
    box.innerHTML = `<div class="tw-map"><canvas width="260" height="260" aria-hidden="true"></canvas>
      <svg viewBox="${-REACH} ${-REACH} ${2 * REACH} ${2 * REACH}" aria-hidden="true"><g class="tw-optima"></g><circle r="0.12"></circle></svg></div>
      <div class="tw-panel"><div class="tw-sliders">${slider("u", "u", -REACH, REACH, 0)}${slider("v", "v", -REACH, REACH, 0)}${slider("lam", "λ", 0.1, 3.5, box.dataset.lam || 1)}</div>
      <div class="tw-bars"></div><p class="tw-verdict" aria-live="polite" role="status"></p>
      <p class="book-play-controls"><button type="button" data-do="descend">Descend</button> <button type="button" data-do="reset">Back to the saddle</button></p></div>
      <p class="tw-caption"><b>A certificate at every point.</b> One subnetwork, y = ${y}. Drag the point. f is what you have; the
      bound is what no network of any size can beat. At the saddle (0, 0) the gradient vanishes, and the certificate says no.</p>`;
    const input = name => box.querySelector(`[data-name="${name}"]`), read = name => Number(input(name).value);
    const canvas = box.querySelector("canvas"), drawing = box.querySelector("svg");
    let painted = null;

    function draw() {
      const [u, v, lam] = ["u", "v", "lam"].map(read), found = certificate(u, v, y, lam);
      if (lam !== painted) {
        paint(canvas, y, painted = lam);
        const at = lam < y ? Math.sqrt(y - lam) : 0;
        box.querySelector(".tw-optima").innerHTML = [at, -at].map(a => `<text x="${a}" y="${-a}">★</text>`).join("");
      }
      for (const name of ["u", "v", "lam"]) input(name).nextElementSibling.value = read(name).toFixed(2);
      drawing.querySelector("circle").setAttribute("cx", u);
      drawing.querySelector("circle").setAttribute("cy", -v);
      box.querySelector(".tw-bars").innerHTML = bars(found);
      box.querySelector(".tw-verdict").innerHTML = `<b class="badge-${{ certified: "good", refuted: "bad", undecided: "open" }[found.verdict]}">` +
        `${SIGN[found.verdict]}</b> ${WHY[found.verdict]} Gap ${(100 * found.gap).toFixed(1)} %, polar/λ ${found.polar.toFixed(2)}, gradient ${found.gradient.toFixed(2)}.`;
    }
    function move(u, v) { input("u").value = u; input("v").value = v; draw(); }
    function drag(event) {
      const area = drawing.getBoundingClientRect();
      move(REACH * (2 * (event.clientX - area.left) / area.width - 1), REACH * (1 - 2 * (event.clientY - area.top) / area.height));
    }
    box.addEventListener("input", draw);
    drawing.addEventListener("pointerdown", event => { drawing.setPointerCapture(event.pointerId); drag(event); drawing.onpointermove = drag; });
    for (const end of ["pointerup", "pointercancel"]) drawing.addEventListener(end, () => { drawing.onpointermove = null; });
    box.querySelector("[data-do=descend]").addEventListener("click", () => move(...descend(read("u"), read("v"), y, read("lam"))));
    box.querySelector("[data-do=reset]").addEventListener("click", () => move(0, 0));
    draw();
  }

  if (typeof document !== "undefined")
    document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".two-weights").forEach(mount));
  return { certificate, descend };
})();

if (typeof module !== "undefined") module.exports = TwoWeights;
