/* Sums of scalar chains, ½(1 − Σ_i w_i1 ⋯ w_iK)² + λ Σ_i (1/K) Σ_k |w_ik|^q: degrees that make zero a trap, and who falls in. */
"use strict";

const LiveDecay = (Live => {
  const STEP = 0.2, MARGIN = 0.5, REST = 1e-7, STEPS = 16000;

  /** f with all K weights of one chain equal to a. */
  const along = (K, q, lam, a) => 0.5 * (1 - a ** K) ** 2 + lam * Math.abs(a) ** q;

  /** The products x in (0, 1) at critical points other than zero: (1 − x) x^{1 − q/K} = λq/K, in order. */
  function products(K, q, lam) {
    const s = 1 - q / K, excess = x => (1 - x) * x ** s - lam * q / K;
    const ends = s > 0 ? [1e-300, s / (1 + s), 1] : [1e-300, 1];
    return ends.slice(1).flatMap((right, k) => {
      let [a, b] = [ends[k], right];
      if (excess(a) * excess(b) >= 0) return [];
      for (let step = 0; step < 1200 && b - a > 1e-15; step++) {
        const middle = a > 0 && b / a > 4 ? Math.sqrt(a * b) : (a + b) / 2;
        if (excess(a) * excess(middle) > 0) a = middle; else b = middle;
      }
      return [(a + b) / 2];
    });
  }

  /** What zero is, and the best other critical point: `a` (NaN: none) with its `f`. */
  function kinds(K, q, lam) {
    const found = products(K, q, lam), a = found.length ? found[found.length - 1] ** (1 / K) : NaN, f = along(K, q, lam, a);
    const minimum = q < K || (q === K && lam >= 1), global = minimum && !(f < 0.5);
    return { a, f, zero: global ? "global minimum" : minimum ? "local minimum" : "saddle" };
  }

  /** Gradient descent on f along equal weights, from a to where it rests. */
  function descend(K, q, lam, a) {
    for (let step = 0; step < 20000; step++) {
      const slope = -(1 - a ** K) * K * a ** (K - 1) + lam * q * Math.abs(a) ** (q - 1) * Math.sign(a), next = a - 0.01 * slope;
      if (a * next < 0 && q === 1) return 0; // the corner of |a|
      a = next;
    }
    return a;
  }

  function product(chain, one = -1, two = -1) { // of all but these two
    let x = 1;
    for (let k = 0; k < chain.length; k++) if (k !== one && k !== two) x *= chain[k];
    return x;
  }

  function objective(w, lam, q) {
    let rest = 1, decay = 0;
    for (const chain of w) {
      rest -= product(chain);
      for (const x of chain) decay += (q === 2 ? x * x : Math.abs(x) ** q) / chain.length;
    }
    return 0.5 * rest * rest + lam * decay;
  }

  /** One step of gradient flow for r chains `w` (r × K), as long as the curvature allows; q = 1 shrinks exactly. */
  function euler(w, lam, q) {
    const K = w[0].length;
    let rest = 1, others = 0, pairs = 0, largest = 0;
    for (const chain of w) rest -= product(chain);
    for (const chain of w) for (let k = 0; k < K; k++) {
      others += product(chain, k) ** 2;
      largest = Math.max(largest, Math.abs(chain[k]));
      for (let j = 0; j < k; j++) pairs = Math.max(pairs, Math.abs(product(chain, j, k)));
    }
    const curvature = others + Math.abs(rest) * pairs;
    if (q === 1) {
      const step = STEP / (curvature + 1);
      return w.map(chain => chain.map((x, k) => {
        const moved = x + step * rest * product(chain, k);
        return Math.sign(moved) * Math.max(0, Math.abs(moved) - step * lam / K);
      }));
    }
    const step = STEP / (curvature + lam * q * (q - 1) / K * largest ** (q - 2));
    return w.map(chain => chain.map((x, k) => x + step * (rest * product(chain, k) - lam * q / K * Math.abs(x) ** (q - 1) * Math.sign(x))));
  }

  /** Chains of a smaller norm only shrink at this f, whatever the others do. */
  const radius = (f, lam, K, q) => (q >= K ? 0 : (lam * q / K / (K * K ** (-K / 2) * Math.sqrt(2 * f))) ** (1 / (K - q)));

  const norm = chain => Math.sqrt(chain.reduce((sum, x) => sum + x * x, 0));

  /** The run from w until it is proved to go to zero (1) or to have escaped (−1), or rests elsewhere (0); f on the way. */
  function run(w, lam, q) {
    const trace = [];
    for (let count = 0; ; count++) {
      const f = objective(w, lam, q);
      trace.push(f);
      if (f < 0.5) return { fate: -1, trace };
      if (w.reduce((most, chain) => Math.max(most, norm(chain)), 0) < MARGIN * radius(f, lam, w[0].length, q)) return { fate: 1, trace };
      const next = euler(w, lam, q);
      let moved = 0, size = 0;
      w.forEach((chain, i) => chain.forEach((x, k) => { moved += (next[i][k] - x) ** 2; size += x * x; }));
      if (count === STEPS || moved <= REST * REST * size) return { fate: 0, trace };
      w = next;
    }
  }

  /** `count` normal numbers from a seed: a linear congruential generator, and Box and Muller. */
  function normals(count, seed) {
    let state = (seed * 2654435761 + 12345) % 2147483647;
    const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
    for (let k = 0; k < 5; k++) uniform();
    return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
  }

  Live.figure("degrees", (box, data, id) => {
    const ui = Live.frame(box, {
      id,
      pictures: [{ name: "curve", width: 340, height: 260 }],
      sliders: [{ name: "K", label: "p = K layers", min: 2, max: 5, step: 1, value: data.K }, { name: "q", label: "degree q", min: 1, max: 6, step: 1, value: data.q },
        { name: "lam", label: "λ", min: 0.05, max: 1.5, value: data.lam }, { name: "a", label: "weights a", min: -0.3, max: 1.2, value: 0.2 }],
      buttons: [["descend", "Descend"]],
      caption: `<b>Two degrees, one question: is zero a trap?</b> f of one chain with all weights equal to a, target 1. Dashed: f(0). Put the
        point near zero and descend, for q below, at, and above p. Then raise λ.`,
    });
    const plot = Live.plot(ui.picture("curve"), { x: [-0.3, 1.2], y: [0, 1.2], xlabel: "weights a", ylabel: "f", xticks: [[0, "0"], [1, "1"]], yticks: [[0, "0"], [0.5, "½"], [1, "1"]] });
    const grid = Array.from({ length: 151 }, (_, k) => -0.3 + 0.01 * k);
    const values = () => ["K", "q", "lam"].map(ui.read);

    function draw() {
      const [K, q, lam] = values(), a = ui.read("a"), f = along(K, q, lam, a), found = kinds(K, q, lam);
      plot.show(plot.line([[-0.3, 0.5], [1.2, 0.5]], "live-thin live-dashed") + plot.line(grid.map(x => [x, along(K, q, lam, x)]), "live-f") +
        (found.a > 0 ? plot.dot(found.a, found.f, "live-best") : "") + plot.dot(0, 0.5, "live-bound") + plot.dot(a, f, "live-point", 6));
      for (const name of ["K", "q"]) ui.label(name, `${ui.read(name)}`);
      for (const name of ["lam", "a"]) ui.label(name, Live.plain(ui.read(name), 2));
      const other = found.a > 0 ? `The other minimum has f = ${found.f.toFixed(3)}, zero has 0.500.` : "There is no other minimum.";
      const zero = { "local minimum": ["refuted", "✗ A trap.", "Zero is a local minimum and not global."],
        "global minimum": ["certified", "✓ Zero is best.", "Zero is the global minimum."], saddle: ["certified", "✓ No trap.", "Zero is a saddle."] }[found.zero];
      ui.say(zero[0], zero[1], `${zero[2]} ${other} f here ${f.toFixed(3)}.`);
    }
    box.addEventListener("input", draw);
    const move = a => { ui.write("a", a); draw(); };
    Live.drag(plot, move);
    ui.on("descend", () => move(descend(...values(), ui.read("a"))));
    draw();
  });

  const STARTS = 20;

  Live.figure("phases", (box, { maps }, id) => {
    const ui = Live.frame(box, {
      id,
      pictures: [{ name: "map", width: 340, height: 260 }, { name: "flows", width: 340, height: 190 }],
      sliders: [{ name: "map", label: "map", min: 1, max: maps.length, step: 1, value: 2 }, { name: "lam", label: "λ", min: 1, max: maps[0].shares.length, step: 1, value: 4 },
        { name: "deviation", label: "start σ", min: 1, max: maps[0].deviations.length, step: 1, value: 8 }],
      buttons: [["again", "Other starts"]],
      caption: `<b>Who falls in?</b> Top: the share of starts that zero captures, bright is all; λ in units of the λ at which zero becomes global. Touch a
        cell. Bottom: ${STARTS} flows from that cell, run here; each ends as soon as its fate is proved: below f(0) (blue) or at zero (orange).`,
    });
    let seed = 1;

    function draw() {
      const map = maps[ui.read("map") - 1], i = ui.read("lam") - 1, j = ui.read("deviation") - 1;
      const { K, q, size, tie, shares, deviations, captured } = map, n = deviations.length, lam = shares[i] * tie;
      const logs = deviations.map(Math.log10), half = (logs[n - 1] - logs[0]) / (n - 1) / 2, wide = (shares[1] - shares[0]) / 2;
      const plot = Live.plot(ui.picture("map"), { x: [shares[0] - wide, shares[n - 1] + wide], y: [logs[0] - half, logs[n - 1] + half], xlabel: "λ / λ of the tie", ylabel: "start σ",
        xticks: [[0.5, "0.5"], [1, "1"], [1.5, "1.5"]], yticks: [[-1, "0.1"], [logs[n - 1], `${deviations[n - 1].toFixed(0)}`]] });
      const cell = v => n - 1 - Math.max(0, Math.min(n - 1, Math.floor((logs[n - 1] + half - v) / (2 * half))));
      plot.heat((x, v) => 0.97 * captured[Math.min(shares.length - 1, Math.floor((x - shares[0] + wide) / (2 * wide)))][cell(v)]);
      plot.show(plot.line([[1, -9], [1, 9]], "live-dashed live-thin") +
        plot.line([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]].map(([a, b]) => [shares[i] + a * wide, logs[j] + b * half]), "live-chosen"));
      const all = normals(STARTS * size * K, seed);
      const runs = Array.from({ length: STARTS }, (_, s) => run(Array.from({ length: size }, (_, c) =>
        Array.from({ length: K }, (_, k) => deviations[j] * all[(s * size + c) * K + k])), lam, q));
      const longest = Math.max(10, ...runs.map(({ trace }) => trace.length));
      const flows = Live.plot(ui.picture("flows"), { x: [0, Math.log10(longest)], y: [0, 2], xlabel: "steps", ylabel: "f", yticks: [[0.5, "½"], [2, "2"]],
        xticks: [0, 1, 2, 3, 4].filter(v => v <= Math.log10(longest)).map(v => [v, `${10 ** v}`]) });
      flows.show(flows.line([[0, 0.5], [5, 0.5]], "live-thin live-dashed") + runs.map(({ fate, trace }) =>
        flows.line(trace.map((f, k) => [Math.log10(k + 1), f]).filter((_, k) => k < 60 || k % Math.ceil(k / 60) === 0 || k === trace.length - 1), `live-thin ${["live-best", "live-f"][fate] || "live-blue"}`)).join(""));
      ui.label("map", `${K} layers, q = ${q}, r = ${size}`);
      ui.label("lam", `${Live.plain(shares[i], 2)} × tie`);
      ui.label("deviation", Live.plain(deviations[j], 2));
      const caught = runs.filter(({ fate }) => fate === 1).length, free = runs.filter(({ fate }) => fate === -1).length;
      ui.say(caught > free ? "refuted" : "certified", `${caught} of ${STARTS} captured.`, `${free} escaped, ${STARTS - caught - free} rest elsewhere. In the table of the ` +
        `chapter ${(100 * captured[i][j]).toFixed(0)} % of ${map.runs} other starts were captured.`);
      return { plot, cell, wide, shares };
    }
    let shown = draw();
    const again = () => { shown = draw(); };
    box.addEventListener("input", again);
    Live.drag({ get svg() { return ui.picture("map"); }, at: event => shown.plot.at(event) }, (x, v) => {
      ui.write("lam", 1 + Math.max(0, Math.min(shown.shares.length - 1, Math.floor((x - shown.shares[0] + shown.wide) / (2 * shown.wide)))));
      ui.write("deviation", 1 + shown.cell(v));
      again();
    });
    ui.on("again", () => { seed += 1; again(); });
  });
  return { along, products, kinds, descend, objective, euler, radius, run, normals };
})(typeof module === "undefined" ? Live : require("./live.js"));

if (typeof module !== "undefined") module.exports = LiveDecay;
