/* Certified fits of one hidden layer along a path of λ: the function, its kinks, and the certificate of each fit, also
   when it is judged with another λ than the one it was trained for. */
"use strict";

const LivePath = ((Live, LivePlanar) => {
  /** The certificate of the fit number k, judged with `factor` times its λ. */
  const judged = ({ x, y, fits }, k, factor) =>
    LivePlanar.at(x.map(value => [value, 1]), y, fits[k].U, fits[k].V, factor * fits[k].lam);

  const predict = ({ U, V }, x) => U.reduce((sum, [a, b], k) => sum + V[k] * Math.max(0, a * x + b), 0);

  Live.figure("path", (box, data, id) => {
    const { x, y, fits } = data, span = [1.1 * Math.min(...x), 1.1 * Math.max(...x)];
    const range = [Math.min(...y) - 0.3, Math.max(...y) + 0.3], logs = fits.map(fit => Math.log10(fit.lam));
    const ui = Live.frame(box, {
      id,
      pictures: [{ name: "fit", width: 340, height: 210 }, { name: "kinks", width: 340, height: 200 }],
      sliders: [{ name: "fit", label: "fit", min: 1, max: fits.length, step: 1, value: data.start + 1 },
        { name: "factor", label: "judged with λ ×", min: 0.5, max: 1.5, value: 1 }],
      caption: `<b>Kinks move with λ.</b> Top: the certified fit, and where its units switch on. Bottom: all kinks of all fits; they
        join, part and jump from sample to sample (thin lines). Judge a fit with another λ than its own, and the certificate is gone.`,
    });
    const top = Live.plot(ui.picture("fit"), { x: span, y: range, xlabel: "x", ylabel: "y", xticks: [-1, 0, 1].map(v => [v, Live.plain(v, 0)]), yticks: [[0, "0"]] });
    const low = Live.plot(ui.picture("kinks"), { x: span, y: [Math.min(...logs) - 0.1, Math.max(...logs) + 0.1], xlabel: "kink", ylabel: "λ",
      xticks: [-1, 0, 1].map(v => [v, Live.plain(v, 0)]), yticks: [-3, -2, -1, 0, 1].filter(v => v > Math.min(...logs) && v < Math.max(...logs)).map(v => [v, `${10 ** v}`]) });
    const places = fit => fit.U.map(([a, b]) => -b / a);
    const grid = Array.from({ length: 221 }, (_, k) => span[0] + k * (span[1] - span[0]) / 220);

    function draw() {
      const k = ui.read("fit") - 1, factor = ui.read("factor"), fit = fits[k], found = judged(data, k, factor);
      const seen = places(fit).filter(at => at > span[0] && at < span[1]);
      top.show(seen.map(at => top.line([[at, range[0]], [at, range[1]]], "live-f live-thin live-dashed")).join("") +
        top.line(grid.map(at => [at, predict(fit, at)]), "live-blue") + x.map((at, n) => top.dot(at, y[n], "live-sample", 3.5)).join(""));
      low.show(x.map(at => low.line([[at, logs[0] - 9], [at, logs[0] + 9]], "live-thin live-faint")).join("") +
        fits.map((one, j) => places(one).filter(at => at > span[0] && at < span[1]).map(at => low.dot(at, logs[j], j === k ? "live-f" : "live-best", j === k ? 5 : 2.5)).join("")).join("") +
        low.line([[span[0], logs[k]], [span[1], logs[k]]], "live-f live-thin"));
      ui.label("fit", `λ = ${fit.lam.toPrecision(2)}`);
      ui.label("factor", Live.plain(factor, 2));
      ui.bars([["f here", found.objective, "live-f"], ["proved bound", found.bound, "live-bound"]]);
      ui.say(found.verdict, "", `${Live.WHY[found.verdict]} ${fit.U.length} units, kinks at ${new Set(seen.map(at => at.toFixed(6))).size} places between the samples, ` +
        `gap ${(100 * found.gap).toFixed(2)} %, polar/λ ${found.polar.toFixed(3)}.`);
    }
    box.addEventListener("input", draw);
    draw();
  });
  return { judged, predict };
})(typeof module === "undefined" ? Live : require("./live.js"), typeof module === "undefined" ? LivePlanar : require("./live_planar.js"));

if (typeof module !== "undefined") module.exports = LivePath;
