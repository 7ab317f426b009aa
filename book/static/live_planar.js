/* One hidden layer on data in the plane: u lies on a circle. `sweep` is the polar, exactly, arc by arc; `coneBound` bounds
   it from above on one arc. Figures: samples to be moved, and branch and bound by hand. */
"use strict";

const LivePlanar = (Live => {
  const FULL = 2 * Math.PI;
  const turn = angle => ((angle % FULL) + FULL) % FULL;
  const unit = angle => [Math.cos(angle), Math.sin(angle)];
  const inner = (a, b) => a[0] * b[0] + a[1] * b[1];

  /** Σ_n q_n (s_nᵀu)₊ at u = (cos α, sin α). */
  function height(S, q, angle) {
    const u = unit(angle);
    return S.reduce((sum, s, n) => sum + q[n] * Math.max(0, inner(s, u)), 0);
  }

  /** Angles at which some sample changes sides, in order. */
  const kinks = S => S.flatMap(s => [1, -1].map(side => turn(Math.atan2(s[1], s[0]) + side * Math.PI / 2))).sort((a, b) => a - b);

  /** The polar max_u |Σ q_n (s_nᵀu)₊|: on an arc between kinks the sum is ⟨g, u⟩, largest at ±g or at an end. */
  function sweep(S, q) {
    const ends = kinks(S), best = { polar: 0, angle: 0 };
    const tries = ends.flatMap((left, k) => {
      const right = k + 1 < ends.length ? ends[k + 1] : ends[0] + FULL, middle = unit((left + right) / 2);
      const g = S.reduce(([a, b], s, n) => (inner(s, middle) > 0 ? [a + q[n] * s[0], b + q[n] * s[1]] : [a, b]), [0, 0]);
      const top = Math.atan2(g[1], g[0]);
      return [left, turn(top), turn(top + Math.PI)];
    });
    for (const angle of tries) {
      const polar = Math.abs(height(S, q, angle));
      if (polar > best.polar) Object.assign(best, { polar, angle });
    }
    const u = unit(best.angle);
    return { ...best, size: S.reduce((sum, s) => sum + Math.max(0, inner(s, u)) ** 2, 0) };
  }

  /** The certificate of a network with units U, V on samples S, y, for the squared loss; the residual and the polar's u. */
  function at(S, y, U, V, lam) {
    const q = S.map((s, n) => y[n] - U.reduce((sum, u, k) => sum + V[k] * Math.max(0, inner(s, u)), 0));
    const rr = q.reduce((sum, r) => sum + r * r, 0), ry = q.reduce((sum, r, n) => sum + r * y[n], 0);
    const cost = U.reduce((sum, u, k) => sum + 0.5 * (inner(u, u) + V[k] * V[k]), 0), found = sweep(S, q);
    return { ...Live.certificate({ objective: 0.5 * rr + lam * cost, ry, rr, lam, ...found }), q, angle: found.angle };
  }

  /** No |Σ q_n (s_nᵀu)₊| with u between the angles a and b, b − a ≤ π/2, exceeds this: linear interpolants above and below
      each rectifier, divided by how far the cone's chord lies inside the circle. */
  function coneBound(S, q, a, b) {
    const ends = [unit(a), unit(b)], centre = unit((a + b) / 2), eta = Math.cos((b - a) / 2);
    const sums = [1, -1].flatMap(side => ends.map(v => S.reduce((sum, s, n) => {
      const p = inner(s, v), gain = side * q[n];
      return sum + gain * (gain > 0 ? Math.max(0, p) : inner(s, centre) > 0 ? p : 0);
    }, 0)));
    return Math.max(...sums) / eta;
  }

  /** Where a cone is cut: at the kink nearest to its middle if one is in its middle half, else in the middle. */
  function cutAt(S, a, b) {
    const middle = (a + b) / 2;
    const near = kinks(S).flatMap(k => [k, k + FULL]).filter(k => Math.abs(k - middle) < (b - a) / 4 && Math.abs(k - middle) > 1e-9);
    return near.length ? near.reduce((x, k) => (Math.abs(k - middle) < Math.abs(x - middle) ? k : x)) : middle;
  }

  const cone = (S, q, a, b) => ({ a, b, bound: coneBound(S, q, a, b) });
  const begin = (S, q) => [0, 1, 2, 3].map(k => cone(S, q, k * Math.PI / 2, (k + 1) * Math.PI / 2));

  /** The cones with one of them, number `which`, cut in two. */
  function cut(S, q, cones, which) {
    const { a, b, bound } = cones[which], middle = cutAt(S, a, b);
    const halves = [cone(S, q, a, middle), cone(S, q, middle, b)].map(half => ({ ...half, bound: Math.min(bound, half.bound) }));
    return [...cones.slice(0, which), ...halves, ...cones.slice(which + 1)];
  }

  /** What the cones prove: the polar lies between `lower`, attained at an end or a middle of a cone, and `upper`. */
  function enclosure(S, q, cones) {
    const tried = cones.flatMap(({ a, b }) => [a, (a + b) / 2, b].map(angle => Math.abs(height(S, q, angle))));
    const lower = Math.max(...tried);
    return { lower, upper: Math.max(lower, ...cones.map(c => c.bound)) };
  }

  const grid = Array.from({ length: 361 }, (_, k) => k * FULL / 360);
  const around = [[0, "0°"], [Math.PI / 2, "90°"], [Math.PI, "180°"], [1.5 * Math.PI, "270°"], [FULL, "360°"]];
  const degrees = angle => `${(turn(angle) * 180 / Math.PI).toFixed(0)}°`;

  Live.figure("sweep", (box, data, id) => {
    const S = data.S.map(s => [...s]), y = [...data.y], reach = 1.15 * Math.max(...S.flat().map(Math.abs)), ring = 0.5 * reach;
    const most = 1.5 * Math.max(...y.map(Math.abs));
    const ui = Live.frame(box, {
      id,
      pictures: [{ name: "plane", width: 340, height: 340 }, { name: "unrolled", width: 340, height: 190 }],
      sliders: [{ name: "sample", label: "sample", min: 1, max: S.length, step: 1, value: 1 }, { name: "x1", label: "x₁", min: -reach, max: reach, value: S[0][0] },
        { name: "x2", label: "x₂", min: -reach, max: reach, value: S[0][1] }, { name: "y", label: "target y", min: -most, max: most, value: y[0] },
        { name: "lam", label: "λ / λ₀", min: 0.3, max: 2, value: 1 }],
      buttons: [["reset", "Back to the optimum"]],
      caption: `<b>The polar on the circle.</b> Drag a sample, or change its target; the network stays. Filled orange: the residual is
        positive, blue: negative. The orange curve is what a unit in each direction earns; the dashed circle is its cost, λ; λ₀ is the λ of the optimum. Thin
        lines: a sample changes sides. Below, the same unrolled.`,
    });
    const plane = Live.plot(ui.picture("plane"), { x: [-reach, reach], y: [-reach, reach], xlabel: "x₁", ylabel: "x₂", margin: [10, 10, 36, 36] });
    const unrolled = Live.plot(ui.picture("unrolled"), { x: [0, FULL], y: [0, 2], xlabel: "direction of u", ylabel: "earned / λ", xticks: around, yticks: [[0, "0"], [1, "1"], [2, "2"]] });
    const chosen = () => ui.read("sample") - 1;

    function draw() {
      const lam = data.lam * ui.read("lam"), n = chosen(), here = at(S, y, data.U, data.V, lam);
      const curve = grid.map(angle => [angle, Math.abs(height(S, here.q, angle)) / lam]);
      const spoke = (angle, length, kind) => plane.line([[0, 0], unit(angle).map(c => length * c)], kind);
      plane.show(kinks(S).map(k => spoke(k, 0.97 * reach, "live-thin live-faint")).join("") +
        plane.line(grid.map(angle => unit(angle).map(c => ring * c)), "live-bound live-dashed") +
        plane.line(curve.map(([angle, h]) => unit(angle).map(c => ring * h * c)), "live-f") + spoke(here.angle, ring * here.polar, "live-f") +
        S.map((s, k) => plane.dot(...s, here.q[k] > 0 ? "live-f" : "live-blue", 3 + 5 * Math.sqrt(Math.abs(here.q[k]) / most))).join("") +
        plane.dot(...S[n], "live-chosen", 10));
      unrolled.show(kinks(S).map(k => unrolled.line([[k, 0], [k, 2]], "live-thin live-faint")).join("") +
        unrolled.line([[0, 1], [FULL, 1]], "live-bound live-dashed") + unrolled.line(curve, "live-f") +
        data.units.map(angle => unrolled.dot(angle, 1, "live-best", 4)).join("") + unrolled.dot(turn(here.angle), here.polar, "live-point"));
      ui.label("sample", `${n + 1} of ${S.length}`);
      for (const [name, value] of [["x1", S[n][0]], ["x2", S[n][1]], ["y", y[n]], ["lam", ui.read("lam")]]) ui.label(name, Live.plain(value, 2));
      ui.bars([["f here", here.objective, "live-f"], ["proved bound", here.bound, "live-bound"]]);
      ui.say(here.verdict, "", `${Live.WHY[here.verdict]} Polar/λ ${here.polar.toFixed(3)} at ${degrees(here.angle)}, gap ${(100 * here.gap).toFixed(1)} %.`);
    }
    function show() {
      for (const [name, value] of [["x1", S[chosen()][0]], ["x2", S[chosen()][1]], ["y", y[chosen()]]]) ui.write(name, value);
      draw();
    }
    box.addEventListener("input", event => {
      const n = chosen(), name = event.target.dataset.name;
      if (name === "x1" || name === "x2") S[n][name === "x1" ? 0 : 1] = ui.read(name);
      if (name === "y") y[n] = ui.read("y");
      if (name === "sample") show(); else draw();
    });
    Live.drag(plane, (a, b) => { S[chosen()] = [a, b].map(c => Math.max(-reach, Math.min(reach, c))); show(); }, (a, b) => {
      const far = S.map(s => Math.hypot(s[0] - a, s[1] - b));
      ui.write("sample", far.indexOf(Math.min(...far)) + 1);
    });
    ui.on("reset", () => {
      data.S.forEach((s, n) => { S[n] = [...s]; y[n] = data.y[n]; });
      ui.write("lam", 1);
      show();
    });
    draw();
  });

  Live.figure("cones", (box, { S, q, lam }, id) => {
    let cones = begin(S, q);
    const top = 1.1 * Math.max(...cones.map(c => c.bound)) / lam;
    const ui = Live.frame(box, {
      id,
      pictures: [{ name: "cones", width: 340, height: 260 }],
      sliders: [{ name: "cone", label: "cone", min: 1, max: cones.length, step: 1, value: 1 }],
      buttons: [["largest", "Cut the largest bound"], ["chosen", "Cut the chosen cone"], ["reset", "Start again"]],
      caption: `<b>Branch and bound by hand.</b> Orange: what a unit in each direction earns, in units of λ. Each bar is a cone of
        directions with its proved bound. Choose a cone, or touch it, and cut. Grey cones are settled: their bound is no larger than
        a value already found.`,
    });
    const plot = Live.plot(ui.picture("cones"), { x: [0, FULL], y: [0, top], xlabel: "direction of u", ylabel: "earned / λ", xticks: around, yticks: [[0, "0"], [1, "1"]] });
    const chosen = () => Math.min(cones.length, ui.read("cone")) - 1;

    function draw() {
      const { lower, upper } = enclosure(S, q, cones), { a, b, bound } = cones[chosen()];
      const bar = c => plot.line([[c.a, 0], [c.a, c.bound / lam], [c.b, c.bound / lam], [c.b, 0]], c.bound > lower * (1 + 1e-9) ? "live-bound" : "live-best live-thin");
      plot.show(cones.map(bar).join("") + plot.line([[0, lower / lam], [FULL, lower / lam]], "live-thin live-dashed") +
        plot.line(grid.map(angle => [angle, Math.abs(height(S, q, angle)) / lam]), "live-f") +
        plot.line([[a, bound / lam], [b, bound / lam]], "live-chosen"));
      ui.input("cone").max = cones.length;
      ui.label("cone", `${chosen() + 1} of ${cones.length}`);
      ui.bars([["found", lower / lam, "live-f"], ["proved", upper / lam, "live-bound"]]);
      const proved = upper <= lam * (1 + Live.TOLERANCE);
      ui.say(proved ? "certified" : "undecided", "", `The polar lies between ${(lower / lam).toFixed(4)} λ and ${(upper / lam).toFixed(4)} λ, after ` +
        `${2 * cones.length - 4} cones. ${proved ? "No unit earns more than it costs: the network is optimal." : "Cut on."} ` +
        `The chosen cone, ${degrees(a)} to ${degrees(b)}, is bounded by ${(bound / lam).toFixed(4)} λ.`);
    }
    function divide(which) { if (cones[which].b - cones[which].a > 1e-4) cones = cut(S, q, cones, which); draw(); }
    const largest = () => cones.reduce((best, c, k) => (c.bound > cones[best].bound ? k : best), 0);
    box.addEventListener("input", draw);
    Live.drag(plot, () => {}, angle => {
      const which = Math.max(0, cones.findIndex(c => angle >= c.a && angle < c.b));
      divide(which);
      ui.write("cone", which + 1);
      draw();
    });
    ui.on("largest", () => { const which = largest(); divide(which); ui.write("cone", which + 1); draw(); });
    ui.on("chosen", () => divide(chosen()));
    ui.on("reset", () => { cones = begin(S, q); ui.write("cone", 1); draw(); });
    draw();
  });
  return { height, sweep, at, coneBound, begin, cut, enclosure };
})(typeof module === "undefined" ? Live : require("./live.js"));

if (typeof module !== "undefined") module.exports = LivePlanar;
