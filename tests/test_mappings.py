"""The laws of mappings for every instance: homogeneous, independent subnetworks, twins that agree."""

import pytest
import torch

import laws
from cases import MAPPINGS, factors, params, randn
from global_optimality import MatrixProduct
from global_optimality.mappings import Mapping

every = pytest.mark.parametrize("mapping", params(MAPPINGS))


@every
def test_homogeneous(mapping):
    laws.homogeneous(mapping.phi, mapping.degree, factors(mapping))
    laws.homogeneous(mapping.Phi, mapping.degree, factors(mapping))


@every
def test_axes(mapping):
    laws.slices_independent(mapping.phi, factors(mapping))
    laws.batched_is_looped(mapping.phi, factors(mapping))
    laws.batched_is_looped(mapping.Phi, factors(mapping))


@every
def test_sum_over_subnetworks(mapping):
    laws.sum_over_slices(mapping.Phi, factors(mapping))
    W, V = factors(mapping), factors(mapping, name="other")
    laws.same(mapping.Phi(*(torch.cat(p, 1) for p in zip(W, V, strict=True))), mapping.Phi(*W) + mapping.Phi(*V))


@every
def test_twins(mapping):
    laws.mapping_twins(mapping, factors(mapping), randn("Q", 3, *mapping.shape))


@pytest.mark.parametrize("mapping", params({name: f for name, f in MAPPINGS.items() if f.data is None}))
def test_float32_stays_float32(mapping):
    W = tuple(w.float() for w in factors(mapping))
    assert mapping.Phi(*W).dtype == mapping.phi(*W).dtype == torch.float32
    laws.same(mapping.Phi(*W).double(), mapping.Phi(*(w.double() for w in W)), 1e-5)


def test_matrix_product_by_hand():
    u, v = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[3.0, 5.0, 7.0]]])
    assert MatrixProduct(2, 3).phi(u, v).tolist() == [[[[3, 5, 7], [6, 10, 14]]]]


@pytest.mark.parametrize("sizes", [(0, 3), (3, -1)])
def test_sizes_must_be_positive(sizes):
    with pytest.raises(ValueError, match="at least 1"):
        MatrixProduct(*sizes)


@pytest.mark.parametrize("sizes", [(2.5, 3), (3, "4")])
def test_sizes_must_be_whole(sizes):
    with pytest.raises(TypeError, match="whole number"):
        MatrixProduct(*sizes)


class _WrongTwin(Mapping):
    """A mapping whose fast sum forgets a subnetwork."""

    degree, shape, factor_shapes = 2, (4, 3), ((4,), (3,))

    def phi(self, *W):
        return MatrixProduct(4, 3).phi(*W)

    def Phi(self, *W):
        return self.phi(*W)[:, 1:].sum(1)


def test_laws_catch_a_wrong_twin_and_a_wrong_degree():
    wrong = _WrongTwin()
    with pytest.raises(AssertionError):
        laws.mapping_twins(wrong, factors(wrong), randn("Q", 3, 4, 3))
    with pytest.raises(AssertionError):
        laws.sum_over_slices(wrong.Phi, factors(wrong))
    with pytest.raises(AssertionError):
        laws.homogeneous(wrong.phi, 3, factors(wrong))
    with pytest.raises(AssertionError):
        laws.slices_independent(lambda *W: wrong.phi(*W).cumsum(1), factors(wrong))
    with pytest.raises(AssertionError):
        laws.batched_is_looped(lambda *W: wrong.phi(*W) - wrong.phi(*W).mean(0), factors(wrong))
