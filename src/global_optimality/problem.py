"""f_r = ℓ(Y, Φ_r) + λ Θ_r (eq. 17): value, gradient and Hessian-vector product, for all runs at once."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TypeVar, cast

import torch
from torch import Tensor

from .factors import Factors, check_alike, check_factors, check_values, ordinary
from .homogeneity import check_declared
from .losses import Loss
from .losses.arrays import IN_CACHE, ArrayLoss
from .mappings import Mapping
from .regularizers import Regularizer
from .settings import fits, flag, instance, number, whole
from .streams import generator, normal

Part = TypeVar("Part")

COPIES = 3
"""Of weights that are drawn: the normal numbers, these times the deviation, and their projection on a cone."""


@dataclass(frozen=True, eq=False)
class Problem:
    """f_r(W) = ℓ(Y, Φ_r(W)) + λ Θ_r(W), eq. (17); ``problem(*W)`` is ``(n,)``.

    ``ValueError`` when φ and θ have unequal degrees (unless ``allow_mismatch``), when the loss and the mapping
    disagree in shape, dtype or device, when λ is not a positive finite number, when a degree is measured to be another
    than declared, and when the pair (φ, θ) is degenerate (section 5).
    """

    loss: Loss
    mapping: Mapping
    regularizer: Regularizer
    lam: float
    allow_mismatch: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        instance("loss", self.loss, Loss, "pass a loss such as SquaredLoss(Y).")
        instance("mapping", self.mapping, Mapping, "pass a mapping such as ReluUnit(S).")
        instance("regularizer", self.regularizer, Regularizer, "pass a regularizer such as SumOfSquares().")
        flag("allow_mismatch", self.allow_mismatch)
        cure = "; lambda_max(problem) gives the useful range"
        object.__setattr__(self, "lam", number("λ", self.lam, finite=True, cure=cure))
        for name in ("loss", "mapping", "regularizer"):
            object.__setattr__(self, name, _with_tensors(getattr(self, name), _constant))
        if self.loss.shape != self.mapping.shape:
            raise ValueError(
                f"the loss expects outputs of shape {self.loss.shape} but the mapping gives {self.mapping.shape}: "
                "build both from the same data."
            )
        p, q = self.mapping.degree, self.regularizer.degree
        if p != q and not self.allow_mismatch:
            raise ValueError(
                f"φ has degree {p} but θ has {_degree(q)}: the theory needs them equal. Take a regularizer of "
                f"degree {p}, or pass allow_mismatch=True to study a mismatched problem (no certificate then)."
            )
        if self.mapping.data is not None:
            check_alike(Y=self.loss.Y, S=self.mapping.data)
        fits("the weights of one subnetwork", COPIES * self.size, "take fewer units in its layers.")
        check_declared(self.mapping, self.regularizer, self.loss.Y)

    def __call__(self, *W: Tensor) -> Tensor:
        self.check(W)
        return self.loss(self.mapping.Phi(*W)) + self.lam * self.regularizer.Theta(*W)

    @property
    def balanced(self) -> bool:
        """Whether φ and θ have one degree, as Theorems 1 and 2 require."""
        return self.mapping.degree == self.regularizer.degree

    def check_balanced(self) -> None:
        """Raise ``ValueError`` unless φ and θ have one degree: without it there is no polar, and no guarantee."""
        if not self.balanced:
            p, q = self.mapping.degree, self.regularizer.degree
            raise ValueError(
                f"φ has degree {p} and θ degree {q}: Ω° is 0 or +∞, and no certificate exists. Take a regularizer of "
                f"degree {p}; homogeneity.report(mapping, regularizer) names one."
            )

    @property
    def array_loss(self) -> ArrayLoss:
        """The loss for numpy arrays of one run, on the CPU whatever device the problem is on."""
        return ArrayLoss.of(self.to(torch.device("cpu")).loss)

    @property
    def card(self) -> int:
        """card(X), the number of entries of one output (section 5)."""
        return math.prod(self.mapping.shape)

    @property
    def size(self) -> int:
        """The number of weights of one subnetwork."""
        return sum(math.prod(shape) for shape in self.mapping.factor_shapes)

    def output_bias(self, *W: Tensor) -> Tensor:
        """The bias ``(n, outputs)`` minimised inside the loss at these weights; zeros where the loss has none."""
        check_problem(self).check(W)
        with torch.no_grad():
            return self.loss.bias(self.mapping.Phi(*W))

    def predict(self, W: Factors, inputs: Tensor) -> Tensor:
        """Outputs for other inputs ``(M, …)``, the training data's output bias included: ``(n, M, outputs)``.

        ``TypeError`` for a mapping without inputs.
        """
        self.check(W)
        other = self.mapping.on(inputs)
        check_alike(Y=self.loss.Y, inputs=inputs)
        if other.factor_shapes != self.mapping.factor_shapes:
            raise ValueError(
                f"inputs of shape {tuple(inputs.shape)} do not fit the weights: pass columns as in training."
            )
        with torch.no_grad():
            outputs = other.Phi(*W)
            return outputs + self.output_bias(*W)[:, None] if self.loss.has_bias else outputs

    def check(self, W: Factors) -> None:
        """Raise ``ValueError`` unless W fits the mapping's shapes and the data's dtype and device."""
        check_factors(W, self.mapping.factor_shapes)
        check_alike(Y=self.loss.Y, W=W[0])

    def to(self, device: torch.device) -> "Problem":
        """The same problem with its data on another device; ``ValueError`` where that cannot be."""
        try:
            device = torch.device(device)
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"device = {device!r} is none that PyTorch knows: pass torch.device('cpu').") from error
        if self.loss.Y.device == device:
            return self
        try:
            parts = (_with_tensors(x, lambda x: x.to(device)) for x in (self.loss, self.mapping, self.regularizer))
            return replace(self, **dict(zip(("loss", "mapping", "regularizer"), parts, strict=True)))
        except (RuntimeError, AssertionError) as error:
            cure = f"PyTorch sees no {device.type.upper()} device here; use torch.device('cpu')"
            raise ValueError(f"device = {device}: {cure} ({str(error)[:80]}).") from error

    def gradient(self, *W: Tensor) -> tuple[Tensor, Factors]:
        """(f_r, ∇f_r) of every run: ``(n,)`` and factors shaped as W."""
        check_problem(self).check(W)
        with torch.inference_mode(False):
            W = tuple(ordinary(w).detach() for w in W)
            return self._closed_form(W) or self._by_autograd(W)

    def _by_autograd(self, W: Factors) -> tuple[Tensor, Factors]:
        leaves = tuple(w.requires_grad_() for w in W)
        with torch.enable_grad():
            X, Theta = self.mapping.Phi(*leaves), self.regularizer.Theta(*leaves)
        value, G = self.loss.value_and_gradient(X.detach())
        with torch.enable_grad():  # of one number: for arrays PyTorch first loads its symbolic shapes, for a second
            slope = X.flatten().dot(G.flatten()) + self.lam * Theta.sum()
        gradient = torch.autograd.grad(slope, leaves)
        return value + self.lam * Theta.detach(), gradient

    def _closed_form(self, W: Factors) -> tuple[Tensor, Factors] | None:
        """(f_r, ∇f_r) where mapping and regularizer have theirs in closed form, a cacheful of runs at a time."""
        slopes, found = self.regularizer.gradient(*W), []
        if slopes is None:
            return None
        most = len(W[0]) if W[0].is_cuda else IN_CACHE // max(1, W[0].shape[1] * self.card)
        for part in zip(*(w.split(max(1, most)) for w in W), strict=True):
            if (pulled := self.mapping.pullback(*part)) is None:
                return None
            value, G = self.loss.value_and_gradient(pulled[0])
            found.append((value, *pulled[1](G)))
        value, *of_loss = (torch.cat(parts) for parts in zip(*found, strict=True))
        gradient = tuple(a.add_(b, alpha=self.lam) for a, b in zip(of_loss, slopes, strict=True))
        return value + self.lam * self.regularizer.Theta(*W), gradient

    @torch.no_grad()
    def rounding(self, *W: Tensor) -> Tensor:
        """How far ``problem(*W)`` may be from f_r(W), ``(n,)``: a sum of m terms errs by at most m eps/2 Σ|terms|."""
        self.check(W)
        share = (self.size + W[0].shape[1] + 4) * torch.finfo(W[0].dtype).eps / 2
        change = share * self.mapping.magnitude(*W)
        price = self.lam * self.regularizer.Theta(*W)
        return self.loss.rounding(self.mapping.Phi(*W), change) + 2 * share * price

    def hessian_product(self, W: Factors, V: Factors) -> Factors:
        """∇²f_r(W) V of every run, shaped as W: the gradient of ⟨∇f_r, V⟩."""
        check_problem(self).check(W)
        self.check(V)
        with torch.inference_mode(False), torch.enable_grad():
            leaves = tuple(ordinary(w).detach().requires_grad_() for w in W)
            gradient = torch.autograd.grad(self(*leaves).sum(), leaves, create_graph=True)
            slope = torch.stack([(g * v).sum() for g, v in zip(gradient, map(ordinary, V), strict=True)]).sum()
            return torch.autograd.grad(slope, leaves)

    def alignment(self, *W: Tensor) -> Tensor:
        """max_i |⟨−∇ℓ, φ(w_i)⟩ − (q/p) λθ(w_i)|, ``(n,)``: zero at every point stationary along scaling (Euler).

        p and q are the degrees of φ and θ; the quotient is 1 for a balanced problem.
        """
        self.check(W)
        G = self.loss.gradient(self.mapping.Phi(*W))
        price = self.lam * self.regularizer.degree / self.mapping.degree
        return (self.mapping.inner(-G, *W) - price * self.regularizer.theta(*W)).abs().amax(1)

    def gradient_scale(self, value: Tensor) -> Tensor:
        """The size f^{1−1/p} λ^{1/p} of a gradient at objective f: ‖∇f_r‖ divided by it has no units, ``(n,)``."""
        q = self.regularizer.degree
        p = self.mapping.degree if math.isnan(q) else q
        return value.clamp(min=0) ** (1 - 1 / p) * self.lam ** (1 / p)

    def random(self, n: int, r: int, *, seed: int = 0, deviation: float = 1.0) -> Factors:
        """n starts of r subnetworks: independent normal weights of that deviation, then projected on the cone."""
        whole("n", n, 1)
        whole("r", r, 1)
        number("deviation", deviation, positive=False, finite=True)
        fits(f"{n} × {r} subnetworks", COPIES * n * r * self.size, "take fewer runs n, or a smaller r.")
        normals = (
            deviation * normal(generator(seed, "init", k, n, r), n, r, *shape, like=self.loss.Y)
            for k, shape in enumerate(self.mapping.factor_shapes)
        )
        return self.regularizer.project(*normals)


def check_problem(problem: object) -> Problem:
    """The problem itself; ``TypeError`` for what is none, ``ValueError`` where nothing can be decided by it."""
    check_values()
    return instance("problem", problem, Problem, "build one with Problem(loss, mapping, regularizer, lam).")


def _constant(x: Tensor) -> Tensor:
    """Data as a constant of autograd."""
    return ordinary(x.detach() if x.requires_grad else x)


def _degree(q: float) -> str:
    return "no degree" if math.isnan(q) else f"degree {q}"


def _with_tensors(part: Part, change: Callable[[Tensor], Tensor]) -> Part:
    """A part of a problem with all tensors changed that it, or a part of it, was built from; itself if none is."""
    if isinstance(part, Tensor):
        return cast(Part, change(part))
    if isinstance(part, tuple):
        members = tuple(_with_tensors(member, change) for member in part)
        return part if all(a is b for a, b in zip(members, part, strict=True)) else cast(Part, members)
    if not is_dataclass(part):
        return part
    before = {f.name: getattr(part, f.name) for f in fields(part) if f.init}
    after = {name: _with_tensors(value, change) for name, value in before.items()}
    same = all(after[name] is value for name, value in before.items())
    return part if same else replace(part, **after)  # type: ignore[type-var]
