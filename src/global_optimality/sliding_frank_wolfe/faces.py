"""Faces: the hyperplanes s_jᵀu = 0 on which a unit is held, the subspace they leave, and the ways off them."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice

import numpy as np
import numpy.typing as npt

from .objective import Array, Mask

FLAT = 1e-11
"""A row of unit length whose part in a subspace is at most this long vanishes on the subspace."""

SUBSETS = 256
"""At a degenerate face (more hyperplanes than dimensions) at most so many edges are looked at."""


@dataclass(frozen=True, eq=False)
class Face:
    """A subspace of R^d on which the hyperplanes ``pinned`` vanish, and the rays that lead off it.

    ``basis`` ``(d, d)``, orthonormal columns, zero ones from column ``dim`` on; ``pinned`` ``(N,)`` bool, all rows that
    vanish on the subspace; ``rays`` ``(R, d)`` unit vectors orthogonal to it, the edges of the cells around it, both
    ends.
    """

    basis: Array
    dim: int
    pinned: Mask
    rays: Array

    def project(self, p: Array) -> Array:
        return self.basis @ (p @ self.basis)


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of r units, and what is read off them at every step as long as none changes."""

    each: tuple[Face, ...]

    @cached_property
    def pinned(self) -> Mask:
        """``(r, N)``."""
        return np.array([face.pinned for face in self.each])

    @cached_property
    def bases(self) -> Array:
        """``(r, d, d)``."""
        return np.array([face.basis for face in self.each])

    def free(self, m: int) -> npt.NDArray[np.intp]:
        """Of m coordinates a unit, d of p and then those of z: the indices of those the faces leave free."""
        r, d = self.bases.shape[:2]
        free = np.ones((r, m), dtype=bool)
        free[:, :d] = np.arange(d) < np.array([face.dim for face in self.each])[:, None]
        return free.ravel().nonzero()[0]

    def __add__(self, other: tuple[Face, ...]) -> "Faces":
        return Faces(self.each + other)

    def take(self, kept: Mask) -> "Faces":
        return Faces(tuple(self.each[i] for i in kept.nonzero()[0]))

    def replaced(self, i: int, face: Face) -> "Faces":
        return Faces((*self.each[:i], face, *self.each[i + 1 :]))


def whole_space(unit: Array) -> Face:
    """No hyperplane: unit ``(N, d)`` holds the rows of S at unit length (zero rows stay zero and are never pinned)."""
    N, d = unit.shape
    return Face(np.eye(d), d, np.zeros(N, dtype=bool), np.zeros((0, d)))


def face_through(unit: Array, rows: Mask) -> Face:
    """The face on which the hyperplanes ``rows`` (N,) bool vanish, together with all others that then do."""
    normals = distinct(unit[rows])
    if not len(normals):
        return whole_space(unit)
    _, s, Vh = np.linalg.svd(normals)
    rank, d = int((s > 1e-9).sum()), unit.shape[1]
    basis = np.zeros((d, d))
    basis[:, : d - rank] = Vh[rank:].T
    pinned = (np.linalg.norm(unit @ basis, axis=1) <= FLAT) & unit.any(1)
    return Face(basis, d - rank, pinned, edges(normals @ Vh[:rank].T) @ Vh[:rank])


def distinct(normals: Array) -> Array:
    """Unit rows without repeated and opposite ones."""
    kept: list[Array] = []
    for row in normals:
        if all(min(np.linalg.norm(row - other), np.linalg.norm(row + other)) > FLAT for other in kept):
            kept.append(row)
    return np.stack(kept) if kept else normals


def edges(normals: Array) -> Array:
    """Both ends of the lines in which k ≥ m normals ``(k, m)`` of rank m intersect; the dual basis if k = m."""
    k, m = normals.shape
    if m == 1:
        return np.array([[1.0], [-1.0]])
    if k == m:
        rays = np.linalg.inv(normals).T
        rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    else:
        subsets = np.array(list(islice(combinations(range(k), m - 1), SUBSETS)))
        _, s, Vh = np.linalg.svd(normals[subsets])
        rays = Vh[s[:, -1] > 1e-9, -1]
    return np.concatenate([rays, -rays])
