"""Active subnetworks as p = ‖p‖·û with a unit output direction z: φ = (D S p) zᵀ and θ = ‖p‖ (balanced)."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from ..factors import Factors
from ..mappings import Gates
from .faces import Face, Faces, face_through, whole_space
from .objective import Array, Mask

ON = 1e-10
"""A new unit this close (sine of the angle) to a hyperplane starts on it."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows s_j of the gated linear map, their lengths and directions; the same for every unit.

    The price of a unit p is ‖p‖ of its first ``priced`` coordinates.
    """

    S: Array
    length: Array
    unit: Array
    kinked: bool
    priced: int
    faces: dict[bytes, Face] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, gates: Gates) -> "Rows":
        S = gates.S.detach().cpu().numpy()
        length = np.linalg.norm(S, axis=1)
        return cls(S, length, S / np.where(length > 0, length, 1.0)[:, None], gates.kinked, gates.priced or S.shape[1])

    @property
    def free(self) -> bool:
        """Whether the last coordinate, the height of a free bias, has no price."""
        return self.priced < self.S.shape[1]

    @cached_property
    def affine(self) -> Face:
        """Where a unit is held whose gates are all open: with a free bias its height changes nothing."""
        N, d = self.S.shape
        basis = np.eye(d)
        basis[:, self.priced :] = 0
        return Face(basis, self.priced, np.zeros(N, dtype=bool), np.zeros((0, d)))

    @cached_property
    def whole(self) -> Face:
        return whole_space(self.unit)

    def face(self, rows: Mask) -> Face:
        """The face of the hyperplanes ``rows`` (N,) bool; computed once."""
        key = np.packbits(rows).tobytes()
        if key not in self.faces:
            self.faces[key] = face_through(self.unit, rows)
        return self.faces[key]


@dataclass(frozen=True, eq=False)
class Units:
    """r units: P ``(r, d)``, Z ``(r, c)`` of unit length, open gates ``(r, N)`` (never a pinned one), a face each."""

    rows: Rows
    P: Array
    Z: Array
    open: Mask
    faces: Faces

    @cached_property
    def size(self) -> Array:
        """‖p‖ of the priced coordinates, ``(r,)``."""
        priced = self.P[:, : self.rows.priced]
        return np.sqrt(np.vecdot(priced, priced))

    def __len__(self) -> int:
        return len(self.P)

    @cached_property
    def heights(self) -> Array:
        """S p of every unit, ``(r, N)``."""
        return self.P @ self.rows.S.T

    @cached_property
    def hidden(self) -> Array:
        """D S p of every unit, ``(r, N)``."""
        return self.heights * self.open

    @cached_property
    def X(self) -> Array:
        """Φ, ``(N, c)``."""
        return self.hidden.T @ self.Z

    @cached_property
    def Theta(self) -> float:
        return float(self.size.sum())

    def take(self, kept: Mask) -> "Units":
        """The units selected by a boolean mask."""
        if kept.all():
            return self
        return Units(self.rows, self.P[kept], self.Z[kept], self.open[kept], self.faces.take(kept))

    def without(self, i: int) -> "Units":
        return self.take(np.arange(len(self)) != i)

    def weights(self, like: torch.Tensor) -> Factors:
        """Balanced factors ``(1, r, d)``, ``(1, r, c)`` on the device of ``like``; one zero unit if there is none."""
        if len(self):
            root = np.sqrt(self.size)[:, None]
            U, V = self.P / root, self.Z * root
        else:
            U, V = np.zeros((1, self.P.shape[1])), np.zeros((1, self.Z.shape[1]))
        return torch.from_numpy(U)[None].to(like), torch.from_numpy(V)[None].to(like)

    def lifted(self) -> "Units":
        """With a free bias: units whose gates are all open, as high above all kinks as they are long."""
        if not self.rows.free or not len(self):
            return self
        P, faces, rows = self.P.copy(), self.faces, self.rows
        for i in np.flatnonzero((self.open | self.faces.pinned).all(1)).tolist():
            if faces.each[i] is not rows.affine:
                P[i, -1] += max(0.0, self.size[i] - float((self.heights[i] / rows.S[:, -1]).min()))
                faces = faces.replaced(i, rows.affine)
        if faces is self.faces:
            return self
        gates = self.open | np.array([face is rows.affine for face in faces.each])[:, None]
        return Units(rows, P, self.Z, gates, faces)

    def with_face(self, i: int, rows: Mask, opened: Mask) -> "Units":
        """Unit i moved to the face of the given hyperplanes; ``opened`` (N,) are its gates off the face."""
        face = self.rows.face(rows)
        P, gates = self.P.copy(), self.open.copy()
        P[i] = face.project(P[i])
        gates[i] = opened & ~face.pinned
        return Units(self.rows, P, self.Z, gates, self.faces.replaced(i, face))


def no_units(rows: Rows, outputs: int) -> Units:
    """The zero network."""
    N, d = rows.S.shape
    return Units(rows, np.zeros((0, d)), np.zeros((0, outputs)), np.zeros((0, N), dtype=bool), Faces(()))


def units_of(rows: Rows, W: Factors) -> Units:
    """Units of one run of factors, those with φ = 0 left out; kinks within ON of a unit pin it."""
    U, V = (w[0].detach().cpu().numpy() for w in W)
    lengths = np.linalg.norm(U[:, : rows.priced], axis=1), np.linalg.norm(V, axis=1)
    size = lengths[0] * lengths[1]
    kept = size > 0
    size = size[kept]
    P = (U[kept].T / lengths[0][kept] * size).T
    Z = V[kept] / lengths[1][kept, None]
    heights = P @ rows.S.T
    opened = heights > 0 if rows.kinked else np.ones_like(heights, dtype=bool)
    units = Units(rows, P, Z, opened, Faces((rows.whole,) * len(P)))
    if not rows.kinked:
        return units
    near = (np.abs(heights) <= ON * size[:, None] * rows.length) & (rows.length > 0)
    for i in near.any(1).nonzero()[0].tolist():
        units = units.with_face(i, near[i], opened[i])
    return units.take(units.size > 0).lifted()
