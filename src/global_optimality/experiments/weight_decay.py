"""Section 6 on deep networks: θ of too low, equal and too high a degree on the same data from the same starts.

The exact ground is deep linear: with θ = (1/K) Σ ‖wᵏ‖^q, 2 ≤ q ≤ K, the best network of any size has the objective
Σ_i min_x ½(σ_i − x)² + λ x^{q/K} over the singular values σ_i of Y (``optimum``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from ..certificate import Verdict, certify
from ..descent import LBFGS, NewtonCG, minimise
from ..factors import Factors, append, flatten, scale, slice_norms, take_runs, unflatten, zeros_like_slice
from ..losses import SquaredLoss
from ..mappings import DeepLinear, DeepRelu
from ..meta_algorithm import null_vectors
from ..polar import polar_of
from ..problem import Problem
from ..regularizers import (
    BalancedWeightDecay,
    L1Decay,
    Norm,
    PowerDecay,
    ProductOfNorms,
    Regularizer,
    WeightedSum,
)
from ..results import frame
from ..streams import generator, normal
from .one_hidden_layer import inputs, plane_problem
from .scalar_chains import tie

K = 3
"""Layers of every network here."""

THETAS: dict[str, Regularizer] = {
    "weight decay, q = 2": PowerDecay(2),
    "repaired decay, q = 3": BalancedWeightDecay(K),
    "product of norms, q = 3": ProductOfNorms((Norm.TWO,) * K),
    "fourth powers, q = 4": PowerDecay(4),
}
"""Each is 1 where all three layers have norm 1, so one λ means the same for all."""

THREE = {name: theta for name, theta in THETAS.items() if not isinstance(theta, ProductOfNorms)}

ZERO = 1e-4
"""Subnetworks whose weights have a norm below ZERO are zero: descent scales them down without end."""

NEAR = 1e-4
"""t at which f is compared with f at zero: a subnetwork t^{1/p} w with layers w of norm 1."""

GLOBAL = 1e-6
"""Relative excess below which a run counts as global."""

BUILD = Callable[[Regularizer], Problem]


def planted(singular_values: Sequence[float], rows: int, *, seed: int, device: str = "cpu") -> Tensor:
    """A matrix with these singular values and random singular vectors."""
    stream, m = generator(seed, "planted", rows), len(singular_values)
    U, V = (torch.linalg.qr(normal(stream, n, m)).Q for n in (rows, m))
    return (U * torch.tensor(singular_values, dtype=torch.float64) @ V.T).to(device)


@dataclass(frozen=True)
class DeepLinearOn:
    """Y as a sum of products of three matrices, inner widths ``width``; a problem for each θ."""

    Y: Tensor
    lam: float
    width: int = 2

    def __call__(self, theta: Regularizer) -> Problem:
        rows, columns = self.Y.shape
        mapping = DeepLinear(rows, (self.width,) * (K - 1) + (columns,))
        return Problem(SquaredLoss(self.Y), mapping, theta, self.lam, allow_mismatch=True)


@dataclass(frozen=True)
class DeepReluOn:
    """sin(3x₁) + x₂² with noise, N samples, by sums of ReLU networks of three layers; a problem for each θ."""

    N: int
    lam: float
    seed: int
    width: int = 3
    device: str = "cpu"

    def __call__(self, theta: Regularizer) -> Problem:
        data = plane_problem(self.N, 1.0, seed=self.seed).to(torch.device(self.device))
        mapping = DeepRelu(inputs(data), (self.width,) * (K - 1) + (1,))
        return Problem(data.loss, mapping, theta, self.lam, allow_mismatch=True)


def optimum(Y: Tensor, lam: float, q: int) -> float:
    """Σ_i min_{x ≥ 0} ½(σ_i − x)² + λ x^{q/K} for 2 ≤ q ≤ K: the least f over deep linear networks of every size.

    Below: (1/K) Σ‖wᵏ‖^q ≥ ‖X_i‖_{S_{2/K}}^{q/K} ≥ Σ_j σ_j(X_i)^{q/K}, which is subadditive. Attained in rank one.
    """
    if not 2 <= q <= K:
        raise ValueError(f"q = {q}: the closed form holds for 2 ≤ q ≤ {K}.")
    total = 0.0
    for s in torch.linalg.svdvals(Y).tolist():
        x = torch.linspace(0, 1, 2001, dtype=torch.float64) * s
        for _ in range(6):  # zoom into the best cell: the value is then exact to rounding
            f = 0.5 * (s - x) ** 2 + lam * x ** (q / K)
            i, h = int(f.argmin()), float(x[1] - x[0])
            x = torch.linspace(max(float(x[i]) - h, 0.0), float(x[i]) + h, 2001, dtype=torch.float64)
        total += float(f.min())
    return total


def side_by_side(build: BUILD, sizes: Sequence[int], *, runs: int, steps: int, deviation: float, seed: int):
    """L-BFGS from the same starts with the same number of steps for every θ and r: a row a run, and the weights.

    ``active`` counts subnetworks that are not ZERO, ``spread_by`` compares objectives of one θ and r.
    """
    tables, weights = [], {}
    for name, theta in THETAS.items():
        problem = build(theta)
        for r in sizes:
            start = problem.random(runs, r, seed=seed, deviation=deviation)
            end = minimise(problem, start, LBFGS(), tol=1e-8, max_steps=steps)
            active = (slice_norms(end.weights) > ZERO).sum(1)
            table = frame(
                theta=name, q=theta.degree, size=r, run=range(runs), objective=end.objective, active=active,
                gradient_norm=end.gradient_norm, alignment=end.alignment, steps=end.steps,
                status=[s.name for s in end.status],
            )  # fmt: skip
            tables.append(table)
            weights[name, r] = end.weights
    return pd.concat(tables, ignore_index=True), weights


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For each θ and r: active subnetworks (mean, least, largest), the best objective, and the spread over starts.

    The spread is (90 % quantile − minimum) / minimum of the objective over the starts of one θ and r.
    """
    groups = table.groupby(["theta", "size"], sort=False)
    out = groups.agg(
        active=("active", "mean"), least=("active", "min"), largest=("active", "max"), best=("objective", "min")
    ).reset_index()
    high = groups["objective"].quantile(0.9).to_numpy()
    return out.assign(spread=(high - out["best"]) / out["best"])


def judged(table: pd.DataFrame, weights: dict[tuple[str, int], Factors], build: DeepLinearOn) -> pd.DataFrame:
    """The runs of deep linear networks with q ≤ K: excess over the closed form, and whether f falls from zero.

    ``stays``: f does not fall when one more subnetwork of size NEAR, in the polar's direction, is put beside W.
    """
    low = table[table["q"] <= K].copy()
    best = {q: optimum(build.Y, build.lam, q) for q in low["q"].unique()}
    low["excess"] = low["objective"] / low["q"].map(best) - 1
    low["zero_unit"] = low["active"] < low["size"]
    low["global"] = low["excess"] <= GLOBAL
    for (theta, r), rows in low.groupby(["theta", "size"]):
        change = from_zero(build(THETAS[theta]), weights[theta, r], (NEAR,))["change"].to_numpy()
        low.loc[rows.index, "stays"] = change >= -1e-12 * rows["objective"].to_numpy()
    return low.astype({"stays": bool})


def contingency(table: pd.DataFrame) -> pd.DataFrame:
    """Runs counted by θ and (stays a local minimum with a zero subnetwork appended) × (globally optimal)."""
    kind = table["stays"].map({True: "stays a minimum", False: "f falls from zero"}).rename("with zero appended")
    verdict = table["global"].map({True: "global", False: "not global"})
    counts = pd.crosstab([table["theta"], kind], verdict)
    return counts.reindex(columns=["global", "not global"], fill_value=0)


def compressed(problem: Problem, W: Factors) -> tuple[int, float, float]:
    """For a run of deep linear networks: the rank k of its output X, f, and f of k rank-one subnetworks with that X."""
    U, s, Vh = torch.linalg.svd(problem.mapping.Phi(*W)[0], full_matrices=False)
    k = int((s > ZERO * s[0]).sum())
    V = []
    for layer, shape in enumerate(problem.mapping.factor_shapes):
        w = U.new_zeros(1, k, *shape)
        first, last = layer == 0, layer == K - 1
        w[0, :, :, 0] = U.T[:k] if first else w[0, :, :, 0]
        w[0, :, 0, :] = Vh[:k] if last else w[0, :, 0, :]
        if not (first or last):
            w[0, :, 0, 0] = 1
        V.append(w * s[:k, None, None] ** (1 / K))
    return k, float(problem(*W)), float(problem(*V))


def polished(problem: Problem, W: Factors, runs: Sequence[int]) -> Factors:
    """Some runs with their subnetworks that are ZERO set to zero, and descended by Newton's method to the end."""
    chosen = take_runs(W, torch.tensor(list(runs), dtype=torch.int64))
    cleared = scale(chosen, (slice_norms(chosen) > ZERO).double())
    return minimise(problem, cleared, NewtonCG(), tol=1e-11, max_steps=300).weights


def compressions(build: DeepLinearOn, weights: dict[tuple[str, int], Factors], r: int) -> pd.DataFrame:
    """``compressed`` for the first run of size r of each θ."""
    rows = []
    for name, theta in THETAS.items():
        k, before, after = compressed(build(theta), take_runs(weights[name, r], torch.tensor([0])))
        rows.append((name, r, k, before, after, after / before))
    return pd.DataFrame(rows, columns=["theta", "size", "rank", "objective", "compressed", "ratio"])


def claims_nothing(build: DeepLinearOn, weights: dict[tuple[str, int], Factors], r: int) -> pd.DataFrame:
    """Verdicts of ``certify`` for all runs of size r of each θ, counted."""
    rows = []
    for name, theta in THETAS.items():
        verdicts = certify(build(theta), weights[name, r]).verdict(GLOBAL)
        rows.append((name, *(sum(v is kind for v in verdicts) for kind in Verdict)))
    return pd.DataFrame(rows, columns=["theta", *(kind.name for kind in Verdict)]).set_index("theta")


def neighbours(
    problem: Problem, W: Factors, *, tries: int = 200, distance: float = 1e-2, seed: int = 0
) -> pd.DataFrame:
    """For each run: the gradient, the least eigenvalue of the Hessian, the least change of f at nearby points, all
    points within ``distance`` relative to the weights; and the same for nearby points that move zero subnetworks only.
    """
    rows, stream = [], generator(seed, "neighbours")
    for run in range(len(W[0])):
        one = take_runs(W, torch.tensor([run]))
        value, gradient = problem.gradient(*one)
        x = flatten(one)
        size = distance * x.norm().clamp(min=1) * torch.logspace(-2, 0, tries, dtype=torch.float64, device=x.device)
        step = normal(stream, tries, x.shape[1], like=x)
        step = size[:, None] * step / step.norm(dim=1, keepdim=True)
        change = problem(*unflatten(x + step, one)) - value
        idle = (slice_norms(one) == 0).double().expand(tries, -1)
        only = scale(unflatten(step, one), idle)
        from_zero = problem(*(a + b for a, b in zip(one, only, strict=True))) - value
        eigenvalue = torch.linalg.eigvalsh(_hessian(problem, one))[0]
        norm = torch.stack([g.square().sum() for g in gradient]).sum().sqrt()
        rows.append((run, float(value), float(norm), float(eigenvalue), float(change.min()), float(from_zero.min())))
    names = ["run", "objective", "gradient_norm", "least_eigenvalue", "least_change", "least_change_from_zero"]
    return pd.DataFrame(rows, columns=names)


def _hessian(problem: Problem, W: Factors) -> Tensor:
    m = flatten(W).shape[1]
    basis = unflatten(torch.eye(m, dtype=W[0].dtype, device=W[0].device), W)
    copies = tuple(w.expand(m, *w.shape[1:]) for w in W)
    H = flatten(problem.hessian_product(copies, basis))
    return (H + H.T) / 2


def balanced_twin(problem: Problem) -> Problem:
    """The same loss and mapping with the product of norms: its polar names directions for every θ."""
    return replace(problem, regularizer=ProductOfNorms((Norm.TWO,) * problem.mapping.degree), allow_mismatch=False)


def atom_at(problem: Problem, W: Factors) -> Factors:
    """The direction w, all layers of norm 1, with the largest ⟨−∇ℓ, φ(w)⟩ at the output of each run of W."""
    with torch.no_grad():
        return polar_of(balanced_twin(problem))(-problem.loss.gradient(problem.mapping.Phi(*W))).atom


def beside(problem: Problem, W: Factors, atom: Factors, t: float) -> Factors:
    """W with one more subnetwork t^{1/p} w, which adds t φ(w) to the output."""
    return append(W, tuple(t ** (1 / problem.mapping.degree) * w for w in atom))


def from_zero(problem: Problem, W: Factors, times: Sequence[float]) -> pd.DataFrame:
    """f(W and t^{1/p} w) − f(W) for the polar's direction w at W: one row a t and run."""
    atom, value = atom_at(problem, W), problem(*W)
    tables = [
        frame(
            t=t,
            run=range(len(value)),
            change=problem(*beside(problem, W, atom, t)) - value,
            q=problem.regularizer.degree,
        )
        for t in times
    ]
    return pd.concat(tables, ignore_index=True)


def rays(Y: Tensor, lam: float, times: Sequence[float]) -> pd.DataFrame:
    """``from_zero`` at the zero network, for q = 2, 3 (repaired decay) and 4."""
    tables = []
    for theta in THREE.values():
        problem = DeepLinearOn(Y, lam)(theta)
        zero = tuple(torch.zeros_like(w) for w in problem.random(1, 1))
        tables.append(from_zero(problem, zero, times))
    return pd.concat(tables, ignore_index=True)


def walks(Y: Tensor, lam: float, r: int, *, deviation: float, seed: int) -> dict[str, tuple[pd.DataFrame, float]]:
    """``walk`` from one start for each degree, and the least f over all sizes (q = 4: 0, never attained)."""
    tables = {}
    for name, theta in THREE.items():
        problem, q = DeepLinearOn(Y, lam)(theta), theta.degree
        start = problem.random(1, r, seed=seed, deviation=deviation)
        tables[name] = walk(problem, start), optimum(Y, lam, q) if q <= K else 0.0
    return tables


def walk(problem: Problem, W: Factors, *, rounds: int = 6, samples: int = 4) -> pd.DataFrame:
    """Theorem 2's construction step by step as printed, on one run, whatever the degrees: a row a point.

    Descend; if no subnetwork is zero, slide along a null vector if there is one, else append zero; from zero, go along
    the polar's direction if f falls there at once, else stop, as Theorem 1 would. At most ``rounds`` rounds.
    """
    rows: list[tuple[str, int, float]] = []

    def note(step: str, V: Factors) -> None:
        rows.append((step, V[0].shape[1], float(problem(*V))))

    note("START", W)
    times = [(j + 1) / (samples + 1) for j in range(samples + 1)]
    reach = (1e-9, *torch.logspace(-3, 1, 81, dtype=torch.float64).tolist())
    for _ in range(rounds):
        W = _descend(problem, W, note)
        idle = slice_norms(W)[0] <= ZERO
        if not idle.any():
            betas = null_vectors(problem, W)
            if betas:
                for t in times:
                    moved = scale(W, (1 + t * betas[0]).clamp(min=0)[None] ** (1 / problem.mapping.degree))
                    note("SLIDE", moved)
                W = moved
            else:
                W = append(W, zeros_like_slice(W))
                note("APPEND", W)
            idle = slice_norms(W)[0] <= ZERO
        ray = from_zero(problem, W, reach)["change"]
        if not ray.iloc[0] < 0:
            break
        best, slot, atom = reach[ray.idxmin()], int(idle.nonzero()[0, 0]), atom_at(problem, W)
        start = W
        for t in times:
            size = (t * best) ** (1 / problem.mapping.degree)
            W = tuple(
                w.index_copy(1, torch.tensor([slot], device=w.device), size * a)
                for w, a in zip(start, atom, strict=True)
            )
            note("ESCAPE", W)
    table = pd.DataFrame(rows, columns=["step", "size", "objective"])
    return table.assign(point=range(len(table)))


def training_thresholds(
    problems: dict[tuple[str, int], Callable[[float], Problem]], *, starts: int, seed: int
) -> pd.DataFrame:
    """The λ above which zero beats every network, sup (ℓ(0) − ℓ(Φ(W))) / Θ(W): enclosed by theory, and searched for.

    With P = Ω°(Y) for unit layers, D = φ(w) its atom and s = q/p: from below by multiples of the atom,
    tie · ‖D‖² (P/‖D‖²)^{2−s}; from above by f ≥ ½(‖Y‖ − z)² + λ(‖Y‖z/P)^s, z = ⟨Y, X⟩/‖Y‖: tie · ‖Y‖^{2−2s} P^s.
    """
    rows = []
    for (name, layers), build in problems.items():
        problem = build(1.0)
        q, nothing = problem.regularizer.degree, torch.zeros(1, *problem.mapping.shape, dtype=torch.float64)
        P, atom = _unit_polar(problem, -problem.loss.gradient(nothing))
        y, D = float(problem.loss.Y.norm()), float(problem.mapping.Phi(*atom).square().sum())
        s = q / layers
        low, high = tie(layers, q) * D * (P / D) ** (2 - s), tie(layers, q) * y ** (2 - 2 * s) * P**s
        x = 2 * (layers - q) / (2 * layers - q) if q < layers else 1e-3
        noise = scale(problem.random(starts, 1, seed=seed), torch.linspace(0, 1, starts, dtype=torch.float64)[:, None])
        W = tuple((x * P / D) ** (1 / layers) * (a + b) for a, b in zip(atom, noise, strict=True))
        rows.append((name, layers, q, low, _largest_ratio(build, W), high))
    return pd.DataFrame(rows, columns=["network", "K", "q", "from_below", "measured", "from_above"])


def _largest_ratio(build: Callable[[float], Problem], W: Factors, *, rounds: int = 4) -> float:
    """The largest (ℓ(0) − ℓ(Φ(W))) / Θ(W) found: descend at λ = the best ratio so far, and repeat (Dinkelbach 1967)."""
    best = 0.0
    for _ in range(rounds):
        problem = build(1.0)
        X, Theta = problem.mapping.Phi(*W), problem.regularizer.Theta(*W)
        gain = problem.loss(torch.zeros_like(X)) - problem.loss(X)
        best = max(best, float(torch.where(Theta > 1e-9, gain / Theta, 0.0).max()))
        W = minimise(build(best), W, tol=1e-5, max_steps=40).weights
    return best


def _unit_polar(problem: Problem, Q: Tensor) -> tuple[float, Factors]:
    """Ω°(Q) over layers of norm 1, and its atom: the ℓ1 norm of deep products is attained on one entry of Q."""
    if not isinstance(problem.regularizer, WeightedSum):
        bound = polar_of(balanced_twin(problem))(Q)
        return float(bound.upper[0]), bound.atom
    i, j = divmod(int(Q[0].abs().argmax()), Q.shape[2])
    atom = tuple(Q.new_zeros(1, 1, *shape) for shape in problem.mapping.factor_shapes)
    for w in atom:
        w[..., 0, 0] = 0 if w is atom[0] or w is atom[-1] else 1
    atom[0][..., i, 0], atom[-1][..., 0, j] = 1, Q[0, i, j].sign()
    return float(Q.abs().max()), atom


def deep_products(Y: Tensor, layers: int, theta: Regularizer) -> Callable[[float], Problem]:
    """Products of ``layers`` matrices with inner width 1 for the matrix Y, as a function of λ."""
    mapping = DeepLinear(Y.shape[0], (1,) * (layers - 1) + (Y.shape[1],))
    return lambda lam: Problem(SquaredLoss(Y), mapping, theta, lam, allow_mismatch=True)


def deep_relus(N: int, layers: int, theta: Regularizer, *, seed: int) -> Callable[[float], Problem]:
    """ReLU networks of ``layers`` layers and inner width 1 for N samples in the plane, as a function of λ."""
    data = plane_problem(N, 1.0, seed=seed)
    mapping = DeepRelu(inputs(data), (1,) * layers)
    return lambda lam: Problem(data.loss, mapping, theta, lam, allow_mismatch=True)


def both_decays(
    Y: Tensor, N: int, depths: Sequence[int], *, seed: int
) -> dict[tuple[str, int], Callable[[float], Problem]]:
    """The networks of ``training_thresholds``: products with ℓ2 and ℓ1 decay, ReLU networks with ℓ2 decay."""
    problems = {}
    for layers in depths:
        mean_of_l1 = WeightedSum((L1Decay(),), (1 / layers,))
        problems["products, ℓ2", layers] = deep_products(Y, layers, PowerDecay(2))
        problems["products, ℓ1", layers] = deep_products(Y, layers, mean_of_l1)
        problems["ReLU, ℓ2", layers] = deep_relus(N, layers, PowerDecay(2), seed=seed)
    return problems


def _descend(problem: Problem, W: Factors, note: Callable[[str, Factors], None]) -> Factors:
    end = minimise(
        problem, W, NewtonCG(interior=2), tol=1e-9, max_steps=300, observe=lambda V, _: note("DESCEND", V)
    )  # fmt: skip
    return scale(end.weights, (slice_norms(end.weights) > ZERO).double())
