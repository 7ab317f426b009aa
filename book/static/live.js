/* What the figures share that a reader moves: sliders, plots, heat maps, dragging, a spoken verdict, and the certificate
   of the squared loss. A figure is an element `.live[data-live=NAME]`; its numbers are in a JSON script inside it. */
"use strict";

const Live = (() => {
  const TOLERANCE = 1e-3; // of the relative gap, and of what one more subnetwork gains
  const WHY = {
    certified: "No network of any size is better.",
    refuted: "One more subnetwork lowers f, so this is not optimal.",
    undecided: "No new subnetwork helps: it is the weights that must move.",
  };
  const SIGN = { certified: "✓ Certified.", refuted: "✗ Refuted.", undecided: "? Undecided." };
  const BADGE = { certified: "badge-good", refuted: "badge-bad", undecided: "badge-open" };

  /** Weak duality for ½‖Y − X‖². R = Y − X; `ry` = ⟨R, Y⟩, `rr` = ‖R‖², `polar` = Ω°(R), `size` = ‖φ‖² of its atom.
      The dual point is −sR: −ℓ*(−sR) = s⟨R, Y⟩ − ½s²‖R‖², s ≤ λ/Ω°(R). The atom, best scaled, gains (Ω° − λ)²/2‖φ‖². */
  function certificate({ objective, ry, rr, polar, lam, size }) {
    const scale = rr > 0 ? Math.max(0, Math.min(polar > 0 ? lam / polar : Infinity, ry / rr)) : 0;
    const bound = scale * ry - 0.5 * scale * scale * rr;
    const gap = objective > 0 ? Math.max(0, objective - bound) / objective : 0;
    const gain = size > 0 ? Math.max(0, polar - lam) ** 2 / (2 * size) : 0;
    const verdict = gap <= TOLERANCE ? "certified" : gain > TOLERANCE * objective ? "refuted" : "undecided";
    return { objective, bound, gap, polar: polar / lam, verdict };
  }

  const plain = (value, digits = 3) => value.toFixed(digits).replace("-", "−");

  /** The parts of a figure inside `box`: SVG pictures, sliders, buttons, and a place for bars and the spoken verdict. */
  function frame(box, { id, pictures, sliders, buttons = [], caption }) {
    const one = ({ name, label, min, max, step = 0.01, value }) =>
      `<label for="${id}-${name}">${label}</label><input id="${id}-${name}" data-name="${name}" type="range" min="${min}" ` +
      `max="${max}" step="${step}" value="${value}"><output for="${id}-${name}"></output>`;
    box.innerHTML = `<div class="live-pictures">${pictures.map(({ name, width, height }) =>
      `<svg data-picture="${name}" viewBox="0 0 ${width} ${height}" aria-hidden="true"></svg>`).join("")}</div>
      <div class="live-panel"><div class="live-sliders book-play-controls">${sliders.map(one).join("")}</div>
      <div class="live-bars"></div><p class="live-verdict" aria-live="polite" role="status"></p>
      <p class="book-play-controls">${buttons.map(([name, label]) => `<button type="button" data-do="${name}">${label}</button>`).join(" ")}</p></div>
      <p class="live-caption">${caption}</p>`;
    const input = name => box.querySelector(`[data-name="${name}"]`);
    return {
      read: name => Number(input(name).value),
      write: (name, value) => { input(name).value = value; },
      label: (name, text) => { input(name).nextElementSibling.value = text; },
      input,
      picture: name => box.querySelector(`[data-picture="${name}"]`),
      on: (name, act) => box.querySelector(`[data-do="${name}"]`).addEventListener("click", act),
      say: (kind, first, rest) => {
        box.dataset.verdict = kind;
        box.querySelector(".live-verdict").innerHTML = `<b class="${BADGE[kind] || ""}">${first || SIGN[kind]}</b> ${rest}`;
      },
      bars: rows => {
        const most = 1.15 * Math.max(...rows.map(([, value]) => value), 1e-300);
        box.querySelector(".live-bars").innerHTML = rows.map(([name, value, kind]) =>
          `<div class="live-bar"><span>${name}</span><i class="${kind}" style="width:${(52 * value) / most}%"></i><b>${plain(value)}</b></div>`).join("");
      },
    };
  }

  /** Axes in an SVG: `X`, `Y` from data to the picture, `at(event)` back; `show(html)` replaces what is drawn on them. */
  function plot(svg, { x, y, xlabel = "", ylabel = "", xticks = [], yticks = [], margin = [10, 16, 34, 44] }) {
    const { width, height } = svg.viewBox.baseVal, [top, right, bottom, left] = margin;
    const X = value => left + (width - left - right) * (value - x[0]) / (x[1] - x[0]);
    const Y = value => height - bottom - (height - top - bottom) * (value - y[0]) / (y[1] - y[0]);
    const ticks = xticks.map(([value, text]) => `<text x="${X(value)}" y="${height - bottom + 14}" class="mid">${text}</text>`)
      .concat(yticks.map(([value, text]) => `<text x="${left - 5}" y="${Y(value) + 4}" class="end">${text}</text>`));
    svg.innerHTML = `<g class="live-heat"></g><path class="live-axis" d="M${left} ${top}V${height - bottom}H${width - right}"/>${ticks.join("")}
      <text x="${(left + width - right) / 2}" y="${height - 4}" class="mid">${xlabel}</text>
      <text transform="translate(12 ${(top + height - bottom) / 2}) rotate(-90)" class="mid">${ylabel}</text>
      <svg x="${left - 9}" y="${top - 9}" width="${width - left - right + 18}" height="${height - top - bottom + 18}"
        viewBox="${left - 9} ${top - 9} ${width - left - right + 18} ${height - top - bottom + 18}"><g class="live-marks"></g></svg>`;
    const inside = value => Math.max(-1e4, Math.min(1e4, value));
    return {
      X, Y, svg,
      line: (points, kind) => `<path class="live-line ${kind}" d="M${points.map(([a, b]) => `${X(a).toFixed(1)} ${inside(Y(b)).toFixed(1)}`).join("L")}"/>`,
      dot: (a, b, kind, size = 5) => `<circle class="${kind}" cx="${X(a)}" cy="${inside(Y(b))}" r="${size}"/>`,
      star: (a, b) => `<text class="live-star mid" x="${X(a)}" y="${Y(b) + 7}">★</text>`,
      show: html => { svg.querySelector(".live-marks").innerHTML = html; },
      at: event => {
        const area = svg.getBoundingClientRect(), scale = width / area.width;
        return [x[0] + (x[1] - x[0]) * ((event.clientX - area.left) * scale - left) / (width - left - right),
          y[0] + (y[1] - y[0]) * (height - bottom - (event.clientY - area.top) * scale) / (height - top - bottom)];
      },
      /** A heat map behind the marks: `level(x, y)` in [0, 1], drawn in ten steps; pictures of pixels, drawn anew when called. */
      heat: level => {
        const pixels = 160, canvas = document.createElement("canvas");
        canvas.width = canvas.height = pixels;
        const context = canvas.getContext("2d"), image = context.createImageData(pixels, pixels);
        for (let j = 0; j < pixels; j++) for (let i = 0; i < pixels; i++) {
          const z = level(x[0] + (x[1] - x[0]) * (i + 0.5) / pixels, y[1] - (y[1] - y[0]) * (j + 0.5) / pixels);
          const step = Math.floor(10 * Math.max(0, Math.min(1, z))) / 10;
          image.data.set([255 * step, 32 + 200 * step, 77 + 30 * Math.sin(3 * step), 255], 4 * (j * pixels + i));
        }
        context.putImageData(image, 0, 0);
        svg.querySelector(".live-heat").innerHTML = `<image x="${left}" y="${top}" width="${width - left - right}" ` +
          `height="${height - top - bottom}" preserveAspectRatio="none" href="${canvas.toDataURL()}"/>`;
      },
    };
  }

  /** Calls `move(x, y)` while the pointer, mouse or finger, is down on the plot; `start(x, y)` when it comes down. */
  function drag(axes, move, start = () => {}) {
    const svg = axes.svg;
    svg.classList.add("live-draggable");
    svg.addEventListener("pointerdown", event => {
      svg.setPointerCapture(event.pointerId);
      start(...axes.at(event));
      move(...axes.at(event));
      svg.onpointermove = moved => move(...axes.at(moved));
    });
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { svg.onpointermove = null; });
  }

  /** Registers a figure: `mount(box, data, id)` is called for every element of this name once the page is there. */
  function figure(name, mount) {
    if (typeof document === "undefined") return;
    document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(`.live[data-live="${name}"]`).forEach((box, index) => {
      const data = JSON.parse(box.querySelector("script[type='application/json']").textContent);
      mount(box, data, `${name}-${index}`);
    }));
  }

  return { TOLERANCE, WHY, certificate, plain, frame, plot, drag, figure };
})();

if (typeof module !== "undefined") module.exports = Live;
