// Checks a saved certificate of global optimality in exact integers: every float64 is m * 2^e, and BigInt never rounds.
// The format and what must be checked: the book's page "How to check a certificate". It shares nothing with the solver,
// nor with the checker in Python, and is one file so that it can be read, saved and run by itself.
// `checkCertificate(text)` is a generator: it yields its progress, and returns { confirmed, reasons, checked }.
// In Node: `node check_certificate.js FILE...`, or `--lines` for one file a line of stdin.
"use strict";
var checkCertificate = (() => {
  const FORMAT = "global-optimality certificate 2";
  const KEYS = ["format", "loss", "objective", "lower_bound", "lam", "output_bias", "S", "Y", "mask", "weights", "U", "V",
    "b", "G", "proof", "a"];
  const BITS = 256n, WORK = 320n; // logarithms are enclosed to 2^-256
  class Refused extends Error {} // the file is damaged
  class Fails extends Error {} // a claim does not hold

  // --- dyadic numbers [m, k] = m / 2^k
  const view = new DataView(new ArrayBuffer(8));
  function exact(x) {
    view.setFloat64(0, x);
    const bits = view.getBigUint64(0), field = (bits >> 52n) & 2047n;
    const m = (bits & ((1n << 52n) - 1n)) | (field ? 1n << 52n : 0n), e = (field || 1n) - 1075n;
    return e >= 0n ? [(bits >> 63n ? -m : m) << e, 0n] : [bits >> 63n ? -m : m, -e];
  }
  const shift = (m, n) => (n >= 0n ? m << n : m >> -n);
  const larger = (a, b) => (a > b ? a : b);
  const add = (a, b) => { const k = larger(a[1], b[1]); return [(a[0] << (k - a[1])) + (b[0] << (k - b[1])), k]; };
  const minus = (a) => [-a[0], a[1]];
  const times = (a, b) => [a[0] * b[0], a[1] + b[1]];
  const half = (a) => [a[0], a[1] + 1n];
  const sign = (a) => (a[0] > 0n ? 1 : a[0] < 0n ? -1 : 0);
  const compare = (a, b) => sign(add(a, minus(b)));
  const total = (list) => list.reduce(add, [0n, 0n]);
  const square = (a) => times(a, a);
  // a / b from above for a >= 0, b > 0, to 2^-BITS of it
  function quotientAbove(a, b) {
    const room = larger(BITS + BigInt(b[0].toString(2).length), b[1] - a[1]), n = a[0] << room;
    return [n / b[0] + (n % b[0] ? 1n : 0n), a[1] - b[1] + room];
  }
  // numbers over one power of two: { m: BigInts, k }
  function common(list) {
    const parts = list.map(exact), trailing = parts.filter((p) => p[0] !== 0n).map((p) => p[1]);
    const k = trailing.reduce(larger, 0n);
    return { m: parts.map((p) => p[0] << (k - p[1])), k };
  }
  function commonRows(rows) {
    const { m, k } = common(rows.flat()), c = rows.length ? rows[0].length : 0;
    return { m: rows.map((_, i) => m.slice(i * c, (i + 1) * c)), k };
  }
  const dot = (a, b) => { let t = 0n; for (let i = 0; i < a.length; i++) t += a[i] * b[i]; return t; };

  // --- logarithms over 2^WORK, wrong by less than 2^40 units
  const ONE = 1n << WORK, ROOM = 1n << 40n;
  function artanhInverse(n) { let t = ONE / n, s = 0n; for (let j = 1n; t; j += 2n, t /= n * n) s += t / j; return s; }
  const LOG2 = 18n * artanhInverse(26n) - 2n * artanhInverse(4801n) + 8n * artanhInverse(8749n);
  // log(p / q) for p, q > 0: with x = p / (q 2^k) in [3/4, 3/2), 2 artanh((x - 1) / (x + 1))
  function logarithm(p, q) {
    let k = BigInt(p.toString(2).length - q.toString(2).length);
    if (k > 0n) q <<= k; else p <<= -k;
    if (2n * p >= 3n * q) { q <<= 1n; k += 1n; } else if (4n * p < 3n * q) { p <<= 1n; k -= 1n; }
    const z = ((p - q) * ONE) / (p + q), zz = (z * z) / ONE;
    let t = z, s = 0n;
    for (let j = 1n; t; j += 2n, t = (t * zz) / ONE) s += t / j;
    return 2n * s + k * LOG2;
  }
  const logAbove = (p, q) => [logarithm(p, q) + ROOM, WORK];
  // exp(-m / 2^k) for m >= 0, from above: Taylor's series at x / 2^24, squared 24 times (errors double each time)
  function expAbove(m, k) {
    if (m >> k > 600n) return [1n, 800n]; // e^-600 < 2^-800
    const x = (shift(m, WORK - k)) >> 24n;
    let t = ONE, s = 0n;
    for (let j = 1n; t; j++) { s += t; t = -(t * x) / (ONE * j); }
    s += 100n;
    for (let i = 0; i < 24; i++) s = (s * s) / ONE + 1n;
    return [s, WORK];
  }
  // log(1 + exp(m / 2^k)) from above
  function softplusAbove(m, k) {
    const e = expAbove(m < 0n ? -m : m, k), [n, j] = add([1n, 0n], e);
    return add(m > 0n ? [m, k] : [0n, 0n], logAbove(n, 1n << j));
  }

  // --- definiteness
  // Whether the symmetric A is positive semidefinite: elimination without fractions, all divisions are exact
  function semidefinite(A) {
    A = A.map((row) => row.slice());
    let before = 1n;
    for (let k = 0; k < A.length; k++) {
      const p = A[k][k];
      if (p < 0n) return false;
      if (p === 0n) { for (let i = k + 1; i < A.length; i++) if (A[k][i] !== 0n) return false; continue; }
      for (let i = k + 1; i < A.length; i++)
        for (let j = i; j < A.length; j++) A[i][j] = A[j][i] = (p * A[i][j] - A[k][i] * A[k][j]) / before;
      before = p;
    }
    return true;
  }
  // A vector x with x'Ax < 0, or null where there is none; for at most three rows
  function descent(A) {
    const p = A[0][0], n = A.length;
    if (p < 0n) return [1n, ...Array(n - 1).fill(0n)];
    const j = A[0].findIndex((a, i) => i > 0 && a !== 0n);
    if (p === 0n && j > 0) {
      const x = Array(n).fill(0n), d = A[j][j] < 0n ? -A[j][j] : A[j][j];
      x[0] = A[0][j] > 0n ? -(d + 1n) : d + 1n; x[j] = 1n;
      return x;
    }
    if (n === 1) return null;
    const rest = A.slice(1).map((row, i) => row.slice(1).map((a, c) => (p === 0n ? a : p * a - A[0][i + 1] * A[0][c + 1])));
    const y = descent(rest);
    return y && (p === 0n ? [0n, ...y] : [-dot(A[0].slice(1), y), ...y.map((a) => a * p)]);
  }

  // --- reading
  function need(holds, message) { if (!holds) throw new Refused(message); }
  function real(name, x) { need(typeof x === "number" && Number.isFinite(x), `${name} holds what is no finite number`); return x; }
  function list(name, x, length) {
    need(Array.isArray(x) && x.length === length, `${name} is no list of ${length} numbers`);
    return x.map((a) => real(name, a));
  }
  function table(name, x, height, width) {
    need(Array.isArray(x) && x.length === height, `${name} is no matrix of ${height} rows`);
    return x.map((row) => list(name, row, width));
  }
  // Of two values under one name JSON.parse keeps the last, another reader may keep the first.
  function once(text) {
    need(!text.includes("\\"), "there are escaped characters, which the format does not need");
    const open = [];
    for (const [sign, name, colon] of text.matchAll(/"([^"]*)"(\s*:)?|[{}]/g)) {
      if (sign === "{") open.push(new Set());
      else if (sign === "}") open.pop();
      else if (colon) {
        need(!open[open.length - 1].has(name), `${name} stands there more than once`);
        open[open.length - 1].add(name);
      }
    }
  }
  function read(text) {
    let s;
    try { s = JSON.parse(text); } catch { throw new Refused("this is no JSON text"); }
    need(s !== null && typeof s === "object" && s.format === FORMAT, `this is no file of the format "${FORMAT}"`);
    once(text);
    const names = Object.keys(s);
    for (const key of KEYS) need(names.includes(key), `${key} is missing`);
    need(names.length === KEYS.length, "there are keys that the format does not know");
    need(["squared", "logistic", "cross entropy"].includes(s.loss), "the loss is unknown");
    for (const key of ["objective", "lower_bound", "lam"]) real(key, s[key]);
    if (s.output_bias !== null) need(real("output_bias", s.output_bias) >= 0, "output_bias is negative");
    need(Array.isArray(s.Y) && s.Y.length > 0 && Array.isArray(s.Y[0]) && s.Y[0].length > 0, "Y is no matrix");
    const N = s.Y.length, c = s.Y[0].length;
    need(Array.isArray(s.U), "U is no matrix");
    const r = s.U.length;
    if (s.S !== null) {
      need(Array.isArray(s.S) && Array.isArray(s.S[0]) && s.S[0].length > 0, "S is no matrix");
      table("S", s.S, N, s.S[0].length);
    }
    const d = s.S === null ? N : s.S[0].length;
    for (const [key, height, width] of [["Y", N, c], ["mask", N, c], ["G", N, c], ["U", r, d], ["V", r, c]])
      table(key, s[key], height, width);
    list("weights", s.weights, N); list("b", s.b, c);
    if (s.a !== null) {
      list("a", s.a, r);
      need(s.S !== null && s.output_bias === 0, "hidden biases need an S and a free output bias");
    }
    need(s.lam > 0 && s.weights.every((w) => w > 0), "lam and the weights must be positive");
    const ones = s.mask.flat();
    need(ones.every((m) => m === 0 || m === 1), "the mask must hold 0 and 1");
    need(s.loss === "squared" || ones.every((m) => m === 1), "a mask goes with the squared loss");
    need(s.output_bias !== null || s.b.every((x) => x === 0), "b must be 0 where there is no output bias");
    if (s.loss === "logistic") need(s.Y.flat().every((y) => Math.abs(y) === 1), "labels must be -1 or 1");
    if (s.loss === "cross entropy")
      need(s.Y.every((y) => y.every((a) => a === 0 || a === 1) && y.filter((a) => a === 1).length === 1), "labels must be one-hot");
    need(s.proof === null || (d > 3 && s.S !== null && typeof s.proof === "object"), "a proof by splits is for more than 3 columns");
    return s;
  }

  // --- the objective, from above
  function objective(s) {
    const U = commonRows(s.U), V = commonRows(s.V), S = s.S && commonRows(s.S);
    const a = common(s.a || s.U.map(() => 0)), ks = (S ? S.k : 0n) + U.k, kh = larger(ks, a.k);
    const height = (row, u, l) => (dot(row, u) << (kh - ks)) + (a.m[l] << (kh - a.k));
    const hidden = s.Y.map((_, i) => U.m.map((u, l) => (S ? larger(height(S.m[i], u, l), 0n) : u[i] << (kh - ks))));
    const k = kh + V.k, b = s.b.map(exact);
    const output = (i, j) => add([hidden[i].reduce((t, h, l) => t + h * V.m[l][j], 0n), k], b[j]);
    let value = [0n, 0n];
    s.Y.forEach((y, i) => {
      const x = y.map((_, j) => output(i, j));
      let loss = [0n, 0n];
      if (s.loss === "squared")
        loss = total(y.map((a, j) => (s.mask[i][j] ? half(square(add(x[j], minus(exact(a))))) : [0n, 0n])));
      else if (s.loss === "logistic") loss = total(y.map((a, j) => softplusAbove(a > 0 ? -x[j][0] : x[j][0], x[j][1])));
      else {
        const top = x.reduce((a, z) => (compare(a, z) < 0 ? z : a));
        const spread = total(x.map((z) => expAbove(...add(top, minus(z)))));
        loss = add(add(top, minus(x[y.indexOf(1)])), logAbove(spread[0], 1n << spread[1]));
      }
      value = add(value, times(exact(s.weights[i]), loss));
    });
    const squares = (rows) => total(rows.flat().map((x) => square(exact(x))));
    value = add(value, half(times(exact(s.lam), add(squares(s.U), squares(s.V)))));
    return add(value, half(times(exact(s.output_bias || 0), squares(s.b))));
  }

  // --- the conjugate at the dual point, from above
  function conjugate(s) {
    const terms = [];
    const entropy = (a, w) => (sign(a) ? times(a, logAbove(a[0] << larger(w[1] - a[1], 0n), w[0] << larger(a[1] - w[1], 0n))) : [0n, 0n]);
    s.G.forEach((row, i) => {
      const w = exact(s.weights[i]), g = row.map(exact), y = s.Y[i];
      if (s.loss === "squared") {
        if (row.some((x, j) => x !== 0 && !s.mask[i][j])) throw new Fails("the dual point is not 0 off the mask");
        terms.push(half(quotientAbove(total(g.map(square)), w)), ...g.map((a, j) => times(a, exact(y[j]))));
      } else if (s.loss === "logistic")
        g.forEach((a, j) => {
          const p = y[j] > 0 ? minus(a) : a, q = add(w, minus(p));
          if (sign(p) < 0 || sign(q) < 0) throw new Fails("the dual point is outside the domain of the conjugate");
          terms.push(entropy(p, w), entropy(q, w));
        });
      else {
        const p = g.map((a, j) => (y[j] ? add(a, w) : a));
        if (sign(total(g)) !== 0 || p.some((a) => sign(a) < 0)) throw new Fails("the dual point is outside the domain of the conjugate");
        terms.push(...p.map((a) => entropy(a, w)));
      }
    });
    const sums = s.Y[0].map((_, j) => total(s.G.map((row) => exact(row[j]))));
    if (s.output_bias === 0 && sums.some((t) => sign(t) !== 0))
      throw new Fails("the output bias is free, but a column of the dual point does not sum to 0");
    if (s.output_bias) terms.push(half(quotientAbove(total(sums.map(square)), exact(s.output_bias))));
    return total(terms);
  }

  // --- feasibility: |Q'(Su)+| <= lam |u| for every u, Q = -G
  function scaled(s) {
    const S = s.S ? commonRows(s.S) : { m: [], k: 0n }, Q = commonRows(s.G.map((row) => row.map((g) => -g)));
    const [l, kl] = exact(s.lam), k = larger(S.k + Q.k, kl);
    const lam = l << (k - kl), up = k - S.k - Q.k; // everything over 2^k
    return { S: S.m, Q: Q.m.map((row) => row.map((q) => q << up)), level: lam * lam };
  }
  function spectral(s) {
    let { Q, level } = scaled(s);
    if (Q.length > Q[0].length) Q = Q[0].map((_, j) => Q.map((row) => row[j]));
    const A = Q.map((a, i) => Q.map((b, j) => (i === j ? level : 0n) - dot(a, b)));
    if (!semidefinite(A)) throw new Fails("the largest singular value of the dual point exceeds lam");
    return `a matrix of ${A.length} rows is positive semidefinite`;
  }
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  // Around every sample where no decay holds the hidden biases: the norm is convex in the bias between breakpoints.
  function* directions(s) {
    const all = scaled(s);
    if (s.a === null) return yield* circles(all);
    for (let j = 0; j < all.S.length; j++) {
      yield [j, all.S.length];
      const around = all.S.map((row) => row.map((x, l) => x - all.S[j][l]));
      yield* silent(circles({ ...all, S: around }), [j, all.S.length]);
    }
    return `the circles around each of ${all.S.length} samples`;
  }
  function* silent(run, progress) { while (!run.next().done) yield progress; }
  // The circle u'n = 0 of every row n, cut where other rows vanish; each arc's middle tells which rows are active.
  function* circles({ S: raw, Q: weights, level }) {
    const S = [], Q = [];
    raw.forEach((row, i) => {
      const padded = [...row, 0n, 0n].slice(0, 3);
      if (padded.some((x) => x !== 0n)) { S.push(padded); Q.push(weights[i]); }
    });
    const P = S.map((row, i) => Q[i].map((q) => row.map((x) => x * q))); // q_j s, output by output
    const parallel = (a, b) => cross(a, b).every((x) => x === 0n);
    let arcs = 0;
    for (let i = 0; i < S.length; i++) {
      yield [i, S.length];
      if (S.slice(0, i).some((row) => parallel(row, S[i]))) continue;
      const n = S[i], e = n[0] || n[1] ? [n[1], -n[0], 0n] : [1n, 0n, 0n], f = cross(n, e);
      const flat = S.map((row) => [dot(row, e), dot(row, f)]), same = flat.map(([x, y]) => x === 0n && y === 0n);
      const points = ends(flat.filter((_, j) => !same[j]));
      for (let a = 0; a < Math.max(points.length, 1); a++) {
        arcs++;
        const p = points[a], next = points[(a + 1) % points.length];
        const middle = !points.length ? [1n, 0n] : p[0] * next[1] === p[1] * next[0] ? [-p[1], p[0]] : [p[0] + next[0], p[1] + next[1]];
        const active = flat.map(([x, y]) => x * middle[0] + y * middle[1] > 0n);
        const B = weights[0].map(() => [0n, 0n, 0n]);
        const include = (M, j) => M.map((g, o) => g.map((x, l) => x + P[j][o][l]));
        for (let j = 0; j < S.length; j++)
          if (active[j]) B.forEach((g, o) => { const t = P[j][o]; g[0] += t[0]; g[1] += t[1]; g[2] += t[2]; });
        const on = (x, y) => [x * e[0] + y * f[0], x * e[1] + y * f[1], x * e[2] + y * f[2]];
        if (p) {
          const v = on(...p);
          if (B.reduce((t, g) => t + dot(g, v) ** 2n, 0n) > level * dot(v, v)) throw new Fails(`the dual point is infeasible at a vertex on the circle of row ${i}`);
        }
        stratum(B, level, [e, f], (u) => held(u, S, active, same, null), `on an arc of the circle of row ${i}`);
        for (const side of [1n, -1n]) {
          let C = B;
          const beside = active.map((x, j) => (same[j] ? dot(S[j], n) * side > 0n : x));
          for (let j = 0; j < S.length; j++) if (same[j] && beside[j]) C = include(C, j);
          stratum(C, level, null, (u) => held(u, S, beside, same, null), `in a cell beside the circle of row ${i}`);
        }
      }
    }
    return `${arcs} arcs of ${S.length} circles, their ends and the cells beside them`;
  }
  // The points of a circle where one of these lines x X + y Y = 0 meets it, in their order, each once.
  function ends(lines) {
    const upper = (p) => p[1] > 0n || (p[1] === 0n && p[0] > 0n);
    const points = lines.flatMap(([x, y]) => [[-y, x], [y, -x]]);
    points.sort((a, b) => {
      if (upper(a) !== upper(b)) return upper(a) ? -1 : 1;
      const c = a[0] * b[1] - a[1] * b[0];
      return c > 0n ? -1 : c < 0n ? 1 : 0;
    });
    return points.filter((p, i) => i === 0 || upper(p) !== upper(points[i - 1]) || p[0] * points[i - 1][1] !== p[1] * points[i - 1][0]);
  }
  // The form level |u|^2 - |B'u|^2 on R^3, or on a plane with this orthogonal basis: fails if negative inside.
  function stratum(B, level, basis, inside, where) {
    if (B.reduce((t, g) => t + dot(g, g), 0n) <= level) return;
    const axes = basis || [[1n, 0n, 0n], [0n, 1n, 0n], [0n, 0n, 1n]];
    const T = axes.map((e) => B.map((g) => dot(g, e)));
    const A = axes.map((e, i) => axes.map((f, j) => (i === j ? level * dot(e, e) : 0n) - dot(T[i], T[j])));
    const x = descent(A);
    if (x === null) return;
    const u = [0, 1, 2].map((l) => axes.reduce((t, e, i) => t + x[i] * e[l], 0n));
    if (inside(u)) throw new Fails(`the dual point is infeasible ${where}`);
  }
  // Whether u or -u lies in the closed stratum on which these rows are active.
  function held(u, S, active, same) {
    let plus = true, opposite = true;
    for (let j = 0; j < S.length && (plus || opposite); j++) {
      const z = dot(S[j], u);
      if (z === 0n) continue;
      if (z > 0n === active[j]) opposite = false; else plus = false;
    }
    return plus || opposite;
  }

  // --- proofs by splits, one output
  function* tree(s, nodes, side, q) {
    need(Array.isArray(nodes), `the tree ${side} is no list`);
    let place = 0;
    const fail = (what) => { throw new Fails(`node ${place - 1} of the tree ${side}: ${what}`); };
    const next = () => {
      if (place === nodes.length) throw new Fails(`the tree ${side} ends too early`);
      need(nodes[place] !== null && typeof nodes[place] === "object", `node ${place} of the tree ${side} is no object`);
      return nodes[place++];
    };
    const index = (x, count) => { need(Number.isInteger(x) && x >= 0 && x < count, "an index is out of range"); return x; };
    const kind = (node, keys) => Object.keys(node).sort().join() === keys;
    const S = s.S.map((row) => row.map(exact)), d = s.S[0].length, lam = exact(s.lam);
    const roots = s.proof.split === "rows" ? [new Map()] : orthants(d);
    for (const root of roots) {
      const todo = [root];
      while (todo.length) {
        if (place % 16 === 0) yield [place, nodes.length];
        const part = todo.pop(), node = next();
        if (s.proof.split === "rows") {
          if (kind(node, "row")) {
            const i = index(node.row, S.length);
            if (part.has(i)) fail("a row is split twice");
            todo.push(new Map([...part, [i, -1]]), new Map([...part, [i, 1]]));
          } else if (kind(node, "alpha,beta,gamma,mu,t") || kind(node, "alpha,beta,gamma,mu,t,y"))
            rowsLeaf(S, q, lam, node, part, fail, index);
          else need(false, "a node is neither a row nor a leaf");
        } else if (kind(node, "at,edge")) {
          need(Array.isArray(node.edge) && node.edge.length === 2, "an edge has two ends");
          const [a, b] = node.edge.map((x) => index(x, d)), [x, y] = list("at", node.at, 2);
          if (a === b || !(x > 0 && y > 0)) fail("an edge is cut outside of it");
          const cut = part[a].map((v, l) => add(times(exact(x), v), times(exact(y), part[b][l])));
          todo.push(part.map((v, l) => (l === b ? cut : v)), part.map((v, l) => (l === a ? cut : v)));
        } else if (kind(node, "y") || kind(node, "shares,y")) conesLeaf(S, q, lam, node, part, fail, index);
        else need(false, "a node is neither a cut nor a leaf");
      }
    }
    if (place < nodes.length) throw new Fails(`the tree ${side} goes on after its end`);
  }
  function orthants(d) {
    const all = [];
    for (let o = 0; o < 2 ** d; o++)
      all.push([...Array(d).keys()].map((i) => [...Array(d).keys()].map((j) => (i !== j ? [0n, 0n] : [(o >> (d - 1 - i)) & 1 ? -1n : 1n, 0n]))));
    return all;
  }
  function rowsLeaf(S, q, lam, leaf, part, fail, index) {
    const N = S.length, d = S[0].length;
    const [alpha, beta, gamma] = ["alpha", "beta", "gamma"].map((key) => list(key, leaf[key], N).map(exact));
    const mu = exact(real("mu", leaf.mu)), t = exact(real("t", leaf.t));
    const turns = new Map();
    need(leaf.y === undefined || Array.isArray(leaf.y), "y of a leaf is no list");
    for (const entry of leaf.y || []) {
      need(Array.isArray(entry) && entry.length === 3, "y of a leaf has a row, a number and a vector each");
      const i = index(entry[0], N), rho = exact(real("rho", entry[1])), y = list("y", entry[2], d).map(exact);
      if (turns.has(i) || sign(rho) < 0 || compare(total(y.map(square)), square(rho)) > 0) fail(`y of row ${i} is too long or given twice`);
      turns.set(i, { rho, y });
    }
    for (let i = 0; i < N; i++) {
      const rho = turns.has(i) ? turns.get(i).rho : [0n, 0n];
      if (sign(beta[i]) < 0 || sign(gamma[i]) < 0) fail(`beta or gamma of row ${i} is negative`);
      const room = times(times([4n, 0n], beta[i]), gamma[i]);
      for (const [z, lack] of [[1, add(add(q[i], minus(alpha[i])), rho)], [-1, add(alpha[i], rho)]])
        if (part.get(i) !== -z && sign(lack) > 0 && compare(room, square(lack)) < 0) fail(`the majorant of row ${i} is too low`);
    }
    const A = [...Array(d + 1)].map(() => Array(d + 1).fill([0n, 0n]));
    for (let i = 0; i < d; i++) {
      for (let j = i; j < d; j++) {
        let entry = minus(total(S.map((row, l) => times(beta[l], times(row[i], row[j])))));
        for (const [l, { y }] of turns) entry = add(entry, half(add(times(S[l][i], y[j]), times(S[l][j], y[i]))));
        A[i][j] = A[j][i] = i === j ? add(entry, mu) : entry;
      }
      A[i][d] = A[d][i] = half(total(S.map((row, l) => times(alpha[l], row[i]))));
    }
    A[d][d] = t;
    const k = A.flat().reduce((m, a) => larger(m, a[1]), 0n);
    if (!semidefinite(A.map((row) => row.map((a) => a[0] << (k - a[1]))))) fail("its matrix is not positive semidefinite");
    if (compare(total([...gamma, mu, t]), lam) > 0) fail("it proves less than lam");
  }
  function conesLeaf(S, q, lam, leaf, cone, fail, index) {
    const y = list("y", leaf.y, cone.length).map(exact), share = new Map();
    need(leaf.shares === undefined || Array.isArray(leaf.shares), "shares is no list");
    for (const pair of leaf.shares || []) {
      need(Array.isArray(pair) && pair.length === 2, "a share is a row and a number");
      const i = index(pair[0], S.length), m = real("shares", pair[1]);
      if (!(m >= 0 && m <= 1) || share.has(i)) fail(`the share of row ${i} is outside [0, 1] or given twice`);
      share.set(i, exact(m));
    }
    const inner = (a, b) => total(a.map((x, l) => times(x, b[l])));
    const least = cone.map(() => []);
    S.forEach((row, i) => {
      const z = cone.map((v) => inner(row, v)), signs = z.map(sign);
      const mixed = signs.includes(1) && signs.includes(-1);
      if (!signs.includes(1)) return;
      z.forEach((a, l) => {
        if (!mixed) least[l].push(times(q[i], a));
        else if (sign(q[i]) > 0) { if (sign(a) > 0) least[l].push(times(q[i], a)); }
        else if (share.has(i)) least[l].push(times(share.get(i), times(q[i], a)));
      });
    });
    cone.forEach((v, l) => { if (compare(inner(v, y), total(least[l])) < 0) fail("y is below the bound at a vertex"); });
    if (compare(inner(y, y), square(lam)) > 0) fail("the length of y exceeds lam");
  }
  function* proof(s) {
    const p = s.proof;
    need(Object.keys(p).sort().join() === "minus,plus,split" && ["rows", "cones"].includes(p.split), "the proof is malformed");
    if (s.Y[0].length !== 1) throw new Fails("trees prove certificates of one output");
    for (const [side, turn] of [["plus", -1], ["minus", 1]]) yield* tree(s, p[side], side, s.G.map((row) => exact(turn * row[0])));
    return `${p.plus.length + p.minus.length} nodes of two trees of ${p.split}`;
  }
  function* feasible(s) {
    if (s.S === null) return spectral(s);
    if (s.S[0].length <= 3) return yield* directions(s);
    if (s.a !== null) throw new Fails("beyond 3 columns nothing is proved of hidden biases without decay");
    if (s.proof === null) throw new Fails("more than 3 columns need a proof by splits, and the file has none");
    return yield* proof(s);
  }

  return function* check(text) {
    const reasons = [], checked = [];
    const attempt = (what, run) => {
      try { run(); checked.push(what); } catch (error) {
        if (!(error instanceof Fails)) throw error;
        reasons.push(error.message);
      }
    };
    try {
      const s = read(text);
      checked.push(`${s.Y.length} × ${s.Y[0].length} outputs, ${s.U.length} subnetworks, the ${s.loss} loss: complete and in shape`);
      yield ["the objective", 0, 1];
      attempt(`the weights give at most the objective ${s.objective}`, () => {
        if (compare(objective(s), exact(s.objective)) > 0) throw new Fails("the weights give more than the objective claimed");
      });
      yield ["the bound", 0, 1];
      attempt(`the dual point proves at least the bound ${s.lower_bound}`, () => {
        if (compare(minus(conjugate(s)), exact(s.lower_bound)) < 0) throw new Fails("the dual point proves less than the bound claimed");
      });
      try {
        const run = feasible(s);
        let step = run.next();
        for (; !step.done; step = run.next()) yield ["no subnetwork beats λ", ...step.value];
        checked.push(`the dual point is feasible: ${step.value}`);
      } catch (error) {
        if (!(error instanceof Fails)) throw error;
        reasons.push(error.message);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      reasons.push(`the file is damaged: ${error.message}`);
    }
    return { confirmed: reasons.length === 0, reasons, checked };
  };
})();

if (typeof module !== "undefined") {
  module.exports = { checkCertificate };
  if (require.main === module) {
    const fs = require("fs"), given = process.argv.slice(2);
    const texts = given[0] === "--lines" ? fs.readFileSync(0, "utf8").split("\n").filter(Boolean) : given.map((name) => fs.readFileSync(name, "utf8"));
    let all = true;
    for (const text of texts) {
      const run = checkCertificate(text);
      let step = run.next();
      while (!step.done) step = run.next();
      all = all && step.value.confirmed;
      console.log(JSON.stringify(step.value));
    }
    process.exitCode = all ? 0 : 1;
  }
}
