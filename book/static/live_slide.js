/* The slide off a plateau, and the descent after it: two stuck copies of a matrix's first singular pair (Figure 2). */
"use strict";

const LiveSlide = (Live => {
  const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

  /** Weights at slide time t with ε of the atom on the copy that the slide empties: w_i ← (1 + tβ_i)^½ w_i. */
  function weights({ U, V, beta, atom }, t, amplitude) {
    const emptied = beta.indexOf(Math.min(...beta));
    const moved = (w, a) => w.map((row, i) => row.map((value, k) =>
      Math.sqrt(Math.max(0, 1 + t * beta[i])) * value + (i === emptied ? amplitude * a[k] : 0)));
    return [moved(U, atom[0]), moved(V, atom[1])];
  }

  /** Everything at one point: objective, bound, polar over λ, gradient of all weights, slope in ε, verdict. */
  function at(data, t, amplitude) {
    const { Y, lam, beta, atom } = data, [U, V] = weights(data, t, amplitude), both = [0, 1];
    const R = both.map(i => both.map(j => Y[i][j] - U.reduce((sum, u, k) => sum + u[i] * V[k][j], 0)));
    const rr = dot(R.flat(), R.flat()), ry = dot(R.flat(), Y.flat());
    const det = R[0][0] * R[1][1] - R[0][1] * R[1][0];
    const polar = Math.sqrt((rr + Math.sqrt(Math.max(0, rr * rr - 4 * det * det))) / 2);
    const objective = 0.5 * rr + 0.5 * lam * (dot(U.flat(), U.flat()) + dot(V.flat(), V.flat()));
    const dU = U.map((u, k) => both.map(i => lam * u[i] - dot(R[i], V[k])));
    const dV = V.map((v, k) => both.map(j => lam * v[j] - R[0][j] * U[k][0] - R[1][j] * U[k][1]));
    const emptied = beta.indexOf(Math.min(...beta));
    const slope = dot(dU[emptied], atom[0]) + dot(dV[emptied], atom[1]);
    const gradient = Math.sqrt([...dU.flat(), ...dV.flat()].reduce((sum, g) => sum + g * g, 0));
    return { ...Live.certificate({ objective, ry, rr, polar, lam, size: 1 }), gradient, slope };
  }

  /** Gradient descent in ε at a fixed t. */
  function descend(data, t, amplitude) {
    for (let step = 0; step < 2000; step++) amplitude -= 0.05 * at(data, t, amplitude).slope;
    return amplitude;
  }

  /** Where the floor of the valley turns over: the curvature in ε at ε = 0 is linear in t. */
  function edge(data) {
    const small = 1e-4, [start, end] = [0, 1].map(t => at(data, t, small).slope / small);
    return start / (start - end);
  }

  const REACH = 1.3;

  Live.figure("slide", (box, data, id) => {
    const turn = edge(data), best = descend(data, 1, 0.01);
    const ui = Live.frame(box, {
      id,
      pictures: [{ name: "map", width: 340, height: 220 }, { name: "cut", width: 340, height: 200 }],
      sliders: [{ name: "t", label: "slide t", min: 0, max: 1, value: 0 }, { name: "amplitude", label: "amplitude ε", min: -REACH, max: REACH, value: 0 }],
      buttons: [["descend", "Descend"], ["reset", "Back to the plateau"]],
      caption: `<b>Slide, then descend.</b> Top: f over slide and amplitude, dark is low. Bottom: the cut at this t, with the
        proved bound. Descend at ε = 0, and nothing moves: the gradient is zero. Slide past the edge, t = ${turn.toFixed(2)}, add a little ε, descend again.`,
    });
    const t0 = [[0, "0"], [turn, turn.toFixed(2)], [1, "1"]], e0 = [[-1, "−1"], [0, "0"], [1, "1"]];
    const map = Live.plot(ui.picture("map"), { x: [0, 1], y: [-REACH, REACH], xlabel: "slide t", ylabel: "amplitude ε", xticks: t0, yticks: e0 });
    const top = at(data, 0, REACH).objective, low = data.optimum;
    const cut = Live.plot(ui.picture("cut"), { x: [-REACH, REACH], y: [at(data, 0, 0).bound - 0.2, top], xlabel: "amplitude ε", ylabel: "f", xticks: e0, yticks: [[low - 1, (low - 1).toFixed(0)], [low, low.toFixed(0)], [low + 1, (low + 1).toFixed(0)]] });
    map.heat((t, e) => Math.sqrt((at(data, t, e).objective - low) / (top - low)));
    const grid = Array.from({ length: 105 }, (_, k) => -REACH + k * REACH / 52);

    function draw() {
      const t = ui.read("t"), e = ui.read("amplitude"), here = at(data, t, e);
      ui.label("t", Live.plain(t, 2));
      ui.label("amplitude", Live.plain(e, 2));
      map.show(map.line([[0, 0], [1, 0]], "live-bound live-dashed") + map.star(1, best) + map.star(1, -best) + map.dot(t, e, "live-point", 6));
      cut.show(cut.line([[-REACH, here.bound], [REACH, here.bound]], "live-bound live-dashed") +
        cut.line(grid.map(a => [a, at(data, t, a).objective]), "live-f") + cut.dot(e, here.objective, "live-point", 6));
      ui.bars([["f here", here.objective, "live-f"], ["proved bound", here.bound, "live-bound"], ["optimum F*", low, "live-best"]]);
      ui.say(here.verdict, "", `${Live.WHY[here.verdict]} f ${Live.plain(here.objective)}, polar/λ ${here.polar.toFixed(2)}, gradient ${here.gradient.toFixed(2)}.`);
    }
    function move(t, e) {
      ui.write("t", Math.max(0, Math.min(1, t)));
      ui.write("amplitude", e);
      draw();
    }
    box.addEventListener("input", draw);
    Live.drag(map, move);
    ui.on("descend", () => move(ui.read("t"), descend(data, ui.read("t"), ui.read("amplitude"))));
    ui.on("reset", () => move(0, 0));
    draw();
  });
  return { at, descend, edge };
})(typeof module === "undefined" ? Live : require("./live.js"));

if (typeof module !== "undefined") module.exports = LiveSlide;
