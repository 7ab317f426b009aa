/* A certificate at every point of f(u, v) = ½(y − uv)² + ½λ(u² + v²): drag the point, or move the sliders.
   `certificate` is the whole mathematics; a test holds it against the package. */
"use strict";

const TwoWeights = (Live => {
  /** Objective, proved lower bound, polar over λ, gradient norm, optimum and verdict at (u, v). */
  function certificate(u, v, y, lam) {
    const residual = y - u * v;
    const objective = 0.5 * residual ** 2 + 0.5 * lam * (u * u + v * v);
    const found = Live.certificate({ objective, ry: residual * y, rr: residual ** 2, polar: Math.abs(residual), lam, size: 1 });
    const optimum = lam < y ? lam * y - 0.5 * lam * lam : 0.5 * y * y;
    return { ...found, optimum, gradient: Math.hypot(lam * u - residual * v, lam * v - residual * u) };
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

  Live.figure("two-weights", (box, { y, lam }, id) => {
    const weight = (name, value) => ({ name, label: name, min: -REACH, max: REACH, value });
    const ui = Live.frame(box, {
      id,
      pictures: [{ name: "map", width: 300, height: 300 }],
      sliders: [weight("u", 0), weight("v", 0), { name: "lam", label: "λ", min: 0.1, max: 3.5, value: lam }],
      buttons: [["descend", "Descend"], ["reset", "Back to the saddle"]],
      caption: `<b>A certificate at every point.</b> One subnetwork, y = ${y}. Drag the point. f is what you have; the
        bound is what no network of any size can beat. At the saddle (0, 0) the gradient vanishes, and the certificate says no.`,
    });
    const ticks = [-2, 0, 2].map(value => [value, Live.plain(value, 0)]);
    const map = Live.plot(ui.picture("map"), { x: [-REACH, REACH], y: [-REACH, REACH], xlabel: "u", ylabel: "v", xticks: ticks, yticks: ticks });
    let painted = null;

    function draw() {
      const [u, v, at] = ["u", "v", "lam"].map(ui.read), found = certificate(u, v, y, at);
      if (at !== painted) {
        painted = at;
        map.heat((a, b) => Math.sqrt(Math.max(0, certificate(a, b, y, at).objective - found.optimum) / 8));
      }
      for (const name of ["u", "v", "lam"]) ui.label(name, Live.plain(ui.read(name), 2));
      const best = at < y ? Math.sqrt(y - at) : 0;
      map.show(map.star(best, best) + map.star(-best, -best) + map.dot(u, v, "live-point", 6));
      ui.bars([["f here", found.objective, "live-f"], ["proved bound", found.bound, "live-bound"], ["optimum F*", found.optimum, "live-best"]]);
      ui.say(found.verdict, "", `${Live.WHY[found.verdict]} Gap ${(100 * found.gap).toFixed(1)} %, polar/λ ${found.polar.toFixed(2)}, ` +
        `gradient ${found.gradient.toFixed(2)}.`);
    }
    function move(u, v) { ui.write("u", u); ui.write("v", v); draw(); }
    box.addEventListener("input", draw);
    Live.drag(map, move);
    ui.on("descend", () => move(...descend(ui.read("u"), ui.read("v"), y, ui.read("lam"))));
    ui.on("reset", () => move(0, 0));
    draw();
  });
  return { certificate, descend };
})(typeof module === "undefined" ? Live : require("./live.js"));

if (typeof module !== "undefined") module.exports = TwoWeights;
