"""What every elemental mapping φ offers; Φ_r is its sum over subnetworks (eqs. 10 and 14)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from ..factors import Factors, scale


class Gates(NamedTuple):
    """φ(u, v) = (D S u) vᵀ: linear in u for frozen gates D = diag(0 or 1), linear in v.

    S is ``(N, d)``. With ``kinked`` gate j is open where s_jᵀu > 0, so that s_jᵀu = 0 is a kink; else all are open.
    Only the first ``priced`` coordinates of u have a price (None: all).
    """

    S: Tensor
    kinked: bool
    priced: int | None = None


@dataclass(frozen=True, eq=False)
class Reduction:
    """A simpler mapping ψ: max ⟨Q, ψ⟩ = max ⟨Q, φ⟩ over factors of Euclidean norm 1, whatever Q.

    ``lift`` takes subnetworks of ψ, ``(n, r, *D_k)``, with factors of norm 1 to such of φ with the same outputs.
    """

    mapping: "Mapping"
    lift: Callable[[Factors], Factors]


class Mapping(ABC):
    """φ on factors ``(n, r, *D_k)``, positively homogeneous of ``degree``; outputs ``(n, r, *D)``."""

    def __init_subclass__(cls) -> None:
        """A subclass with a φ of its own does not inherit what another class says of its φ."""
        for claim in ("gates", "reduction", "pullback", "magnitude", "by_sample"):
            if "phi" in vars(cls) and claim not in vars(cls):
                setattr(cls, claim, vars(Mapping)[claim])

    @property
    @abstractmethod
    def degree(self) -> int:
        """The degree p of positive homogeneity in all weights together."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """D, the shape of one output."""

    @property
    @abstractmethod
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        """(D_1, …, D_K), the shapes of one subnetwork's weights."""

    @property
    def exponents(self) -> tuple[int, ...]:
        """κ: α ≥ 0 scales a subnetwork by taking factor k times α^κ_k, and φ by α^p; 1 for all factors unless said."""
        return (1,) * len(self.factor_shapes)

    @property
    def data(self) -> Tensor | None:
        """The input data the mapping holds, if any: its dtype and device bind the problem."""
        return None

    @property
    def by_sample(self) -> bool:
        """Whether row i of φ is a function of sample i alone: α ≥ 0 times this sample's data give α times this row."""
        return False

    @property
    def gates(self) -> Gates | None:
        """The mapping as gated linear rows, if it is one: a solver then knows its kinks and derivatives exactly."""
        return None

    def gated(self, W: Factors) -> Factors:
        """W as the (u, v) of ``gates``; ``ungated`` is the way back."""
        return W

    def ungated(self, W: Factors) -> Factors:
        return W

    @property
    def reduction(self) -> Reduction | None:
        """A simpler mapping with the same polar for Euclidean norms, if there is one."""
        return None

    def in_units(self, unit: float) -> "Mapping | None":
        """φ with its data divided by ``unit``, if that divides φ; None where it does not, or there are no data."""
        return None

    def on(self, inputs: Tensor) -> "Mapping":
        """The same mapping of other inputs, for the same weights. ``TypeError`` for a mapping without inputs."""
        if self.data is None:
            raise TypeError(f"{type(self).__name__} takes no inputs: all its outputs are mapping.Phi(*weights).")
        raise TypeError(
            f"{type(self).__name__} knows the outputs for its own inputs only: take a mapping such as ReluUnit."
        )

    def scaled(self, W: Factors, s: Tensor) -> Factors:
        """Subnetworks of s_i φ(w_i) and s_i θ(w_i), s ``(n, r)`` ≥ 0: factor k of subnetwork i times s_i^(κ_k/p)."""
        return tuple(scale((w,), s ** (k / self.degree))[0] for w, k in zip(W, self.exponents, strict=True))

    @abstractmethod
    def phi(self, *W: Tensor) -> Tensor:
        """φ(w_i) of every subnetwork, ``(n, r, *D)``."""

    def Phi(self, *W: Tensor) -> Tensor:
        """Φ_r(W) = Σ_i φ(w_i), ``(n, *D)`` (eq. 14); a subclass may give a faster twin."""
        return self.phi(*W).sum(1)

    def pullback(self, *W: Tensor) -> tuple[Tensor, Callable[[Tensor], Factors]] | None:
        """Φ_r(W), and G ↦ ∇_W ⟨G, Φ_r(W)⟩ in closed form, to be called once; None: autograd does it."""
        return None

    def magnitude(self, *W: Tensor) -> Tensor:
        """The moduli that add up to Φ_r(W), ``(n, *D)``: what its rounding is a share of.

        A φ that subtracts, or holds negative numbers that ``on`` cannot replace, has to say its own.
        """
        moduli = self if self.data is None or type(self).on is Mapping.on else self.on(self.data.abs())
        return moduli.Phi(*(w.abs() for w in W)).abs()

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        """⟨Q, φ(w_i)⟩ of every subnetwork, ``(n, r)``; Q is ``(n, *D)``; a subclass may give a faster twin."""
        return (Q[:, None] * self.phi(*W)).flatten(2).sum(2)
