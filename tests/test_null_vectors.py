"""Null vectors of dependent subnetworks: found where they are, and nowhere else."""

import pytest
import torch

import laws
from cases import problem, randn, small
from global_optimality.factors import append, scale
from global_optimality.meta_algorithm import null_vectors


def check_null_vectors(f, W, expected):
    found = null_vectors(f, W)
    assert len(found) >= expected
    phi, theta = f.mapping.phi(*W)[0].flatten(1), f.regularizer.theta(*W)[0]
    for beta in found:
        assert float(beta.min()) == pytest.approx(-1, abs=1e-15)
        assert float((beta @ phi).norm()) <= 1e-12 * float(beta.abs() @ phi.norm(dim=1))
        assert float(beta @ theta) <= 1e-12 * float(beta.abs() @ theta)
        here = f.mapping.Phi(*W)
        for t in (0.3, 1.0):  # the slide: Φ constant, Θ affine with a slope that is not positive
            moved = scale(W, (1 + t * beta).clamp(min=0)[None] ** 0.5)
            laws.same(f.mapping.Phi(*moved), here, 1e-11 * float(1 + beta.abs().max()))
            laws.same(f.regularizer.Theta(*moved), f.regularizer.Theta(*W) + t * float(beta @ theta), 1e-11)
        assert bool((slice_theta(f, W, beta) == 0).any()), "at the end a subnetwork is zero"
    largest = [float(b.max()) for b in found]
    assert largest == sorted(largest)


def slice_theta(f, W, beta):
    return f.regularizer.theta(*scale(W, (1 + beta).clamp(min=0)[None] ** 0.5))


def test_null_vectors_of_generic_weights():
    f = small()
    for r in (5, 7, 12):
        check_null_vectors(f, f.random(1, r), r - 4)
    for r in (1, 4):
        assert null_vectors(f, f.random(1, r)) == []


def test_null_vectors_of_copies_and_of_dependent_weights():
    f = problem()
    one = f.random(1, 1)
    check_null_vectors(f, tuple(w.expand(1, 5, -1).clone() for w in one), 4)
    check_null_vectors(f, append(f.random(1, 3), tuple(-w for w in f.random(1, 3))), 3)
    U, V = randn("shared", 1, 1, 4).expand(1, 6, 4), randn("shared v", 1, 6, 3)
    check_null_vectors(f, (U.clone(), V), 3)  # u shared: the span of u vᵀ has dimension 3


def test_null_vectors_ignore_almost_dependent_weights():
    f = problem()
    W = f.random(1, 2)
    near = tuple(torch.cat([w, w[:, :1] + 1e-6 * randn(f"near {k}", 1, 1, w.shape[2])], 1) for k, w in enumerate(W))
    assert null_vectors(f, near) == []
