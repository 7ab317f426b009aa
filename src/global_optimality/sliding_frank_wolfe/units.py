"""Active subnetworks as p = ‖p‖·û with a unit output direction z: φ = (D S p) zᵀ and θ = ‖p‖ (balanced)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..factors import Factors
from ..mappings import Gates
from .faces import Face, face_through, whole_space

ON = 1e-10
"""A new unit this close (sine of the angle) to a hyperplane starts on it."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows s_j of the gated linear map, their lengths and directions; the same for every unit."""

    S: Tensor
    length: Tensor
    unit: Tensor
    kinked: bool

    @classmethod
    def of(cls, gates: Gates, like: Tensor) -> "Rows":
        S = gates.S.to(like)
        length = S.norm(dim=1)
        return cls(S, length, S / torch.where(length > 0, length, 1.0)[:, None], gates.kinked)


@dataclass(frozen=True, eq=False)
class Units:
    """r units: P ``(r, d)``, Z ``(r, c)`` of unit length, open gates ``(r, N)`` (never a pinned one), a face each."""

    rows: Rows
    P: Tensor
    Z: Tensor
    open: Tensor
    faces: tuple[Face, ...]

    def __len__(self) -> int:
        return len(self.P)

    @property
    def pinned(self) -> Tensor:
        return torch.stack([face.pinned for face in self.faces])

    @property
    def bases(self) -> Tensor:
        return torch.stack([face.basis for face in self.faces])

    def take(self, kept: Tensor) -> "Units":
        """The units selected by a boolean mask."""
        if bool(kept.all()):
            return self
        index = kept.nonzero()[:, 0]
        faces = tuple(self.faces[i] for i in index.tolist())
        return replace(self, P=self.P[index], Z=self.Z[index], open=self.open[index], faces=faces)

    def joined(self, other: "Units") -> "Units":
        return Units(
            self.rows,
            torch.cat([self.P, other.P]),
            torch.cat([self.Z, other.Z]),
            torch.cat([self.open, other.open]),
            self.faces + other.faces,
        )

    def hidden(self) -> Tensor:
        """D S p of every unit, ``(r, N)``."""
        return (self.P @ self.rows.S.T) * self.open

    def outputs(self) -> Tensor:
        """φ of every unit, ``(r, N, c)``."""
        return self.hidden()[:, :, None] * self.Z[:, None, :]

    def output(self) -> Tensor:
        """Φ, ``(1, N, c)``."""
        return (self.hidden().T @ self.Z)[None]

    def theta(self) -> Tensor:
        return self.P.norm(dim=1).sum()

    def weights(self) -> Factors:
        """Balanced factors ``(1, r, d)``, ``(1, r, c)``; one zero unit if there is none."""
        if not len(self):
            return self.P.new_zeros(1, 1, self.P.shape[1]), self.Z.new_zeros(1, 1, self.Z.shape[1])
        root = self.P.norm(dim=1, keepdim=True).sqrt()
        return (self.P / root)[None], (self.Z * root)[None]

    def with_face(self, i: int, rows: Tensor, opened: Tensor) -> "Units":
        """Unit i moved to the face of the given hyperplanes; ``opened`` (N,) are its gates off the face."""
        face = face_through(self.rows.unit, rows)
        P, gates = self.P.clone(), self.open.clone()
        P[i] = face.basis @ (face.basis.T @ P[i])
        gates[i] = opened & ~face.pinned
        return replace(self, P=P, open=gates, faces=(*self.faces[:i], face, *self.faces[i + 1 :]))


def units_of(rows: Rows, W: Factors) -> Units:
    """Units of one run of factors, those with φ = 0 left out; kinks within ON of a unit pin it."""
    U, V = W[0][0], W[1][0]
    size = U.norm(dim=1) * V.norm(dim=1)
    kept = size > 0
    U, V, size = U[kept], V[kept], size[kept]
    P = U / U.norm(dim=1, keepdim=True) * size[:, None]
    Z = V / V.norm(dim=1, keepdim=True)
    heights = P @ rows.S.T
    if not rows.kinked:
        units = Units(rows, P, Z, torch.ones_like(heights, dtype=torch.bool), (whole_space(rows.unit),) * len(P))
        return units
    units = Units(rows, P, Z, heights > 0, (whole_space(rows.unit),) * len(P))
    near = (heights.abs() <= ON * size[:, None] * rows.length) & (rows.length > 0)
    for i in near.any(1).nonzero()[:, 0].tolist():
        units = units.with_face(i, near[i], heights[i] > 0)
    return units.take(units.P.norm(dim=1) > 0)
