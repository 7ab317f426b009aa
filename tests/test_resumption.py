"""``certify_network`` goes on where an earlier call was cut short, and takes over what that one proved."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from global_optimality import Effort, certify_network, generator
from torch_users import network

X = torch.randn(25, 3, generator=generator(3, "resumed"), dtype=torch.float64)
Y = torch.sin(2 * X[:, :1]) + X[:, 1:2] * X[:, 2:]
SHORT = Effort(nodes=40)


def ask(model: nn.Module, inputs=X, targets=Y, **options):
    settings = {"loss": nn.MSELoss(reduction="sum"), "weight_decay": 0.3, "effort": SHORT} | options
    return certify_network(model, inputs, targets, **settings)


def ratio(result) -> float:
    return float(result.certificate.polar[0] / result.certificate.polar_lower[0])


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return network(1, width=3, d=3)


@pytest.fixture(scope="module")
def first(model):
    return ask(model)


def test_the_search_goes_on_with_its_open_cells(model, first, tmp_path):
    torch.save(first, tmp_path / "first.pt")
    loaded = torch.load(tmp_path / "first.pt", weights_only=False)
    second, later = ask(model, resume=first), ask(model, resume=loaded)
    assert first.unfinished.search.made <= 42 < second.unfinished.search.made <= 84
    assert 1 <= ratio(second) < ratio(first)
    assert second.best_possible > first.best_possible
    assert later.best_possible == second.best_possible
    whole = ask(model, effort=None)
    assert ratio(whole) < 1 + 1e-8
    assert second.best_possible <= whole.best_possible <= whole.objective
    done = ask(model, effort=None, resume=second)
    assert done.unfinished.search.made < second.unfinished.search.made + whole.unfinished.search.made
    assert done.best_possible == pytest.approx(whole.best_possible, rel=1e-9)


def test_an_earlier_bound_counts_for_another_network(model, first):
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[0].weight.mul_(3.0)
    alone, after = ask(other), ask(other, resume=first)
    assert after.unfinished.search.made == alone.unfinished.search.made, "another residual: another search"
    assert after.objective == alone.objective
    assert after.best_possible == max(first.best_possible, alone.best_possible) > alone.best_possible


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": X + 1e-12}, "other inputs"),
        ({"targets": 2 * Y}, "other targets"),
        ({"weight_decay": 0.4}, "other weight decay"),
        ({"decay_output_bias": False}, "another decay of the output bias"),
        ({"decay_hidden_bias": False}, "another kind of bias"),
    ],
)
def test_a_certificate_of_another_problem_is_refused(model, first, change, words):
    with pytest.raises(ValueError, match=words):
        ask(model, resume=first, **change)


def test_only_a_certificate_is_resumed(model, first):
    with pytest.raises(TypeError, match="pass what certify_network returned"):
        ask(model, resume=first.certificate)


def test_a_bound_that_its_dual_point_does_not_give_is_refused(model, first):
    higher = replace(first.certificate, lower_bound=first.certificate.lower_bound * (1 + 1e-6))
    with pytest.raises(ValueError, match="larger bound than its dual point gives"):
        ask(model, resume=replace(first, certificate=higher))


@pytest.mark.parametrize("share", [1.5, 3.0])
def test_a_dual_point_that_a_unit_exceeds_is_refused(model, first, share):
    """A larger dual point has a larger bound, and its own conjugate agrees with it."""
    dual = share * first.certificate.dual
    forged = replace(first.certificate, dual=dual, lower_bound=-first.problem.loss.conjugate(dual))
    assert forged.lower_bound > first.certificate.lower_bound
    with pytest.raises(ValueError, match=r"a unit has .* with its dual point"):
        ask(model, resume=replace(first, certificate=forged))


def test_a_search_that_lost_its_open_cells_is_refused(model, first):
    """Without them its best unit would be the largest, and the bound above what larger networks attain."""
    search = first.unfinished.search
    (cover,) = search.covers
    none = torch.zeros(len(cover.open), dtype=torch.bool)
    worse = replace(cover.best, value=0.7 * cover.best.value)
    forged = replace(search, covers=(replace(cover, open=cover.open[none], best=worse),))
    with pytest.raises(ValueError, match=r"a unit has .* with its dual point"):
        ask(model, resume=replace(first, unfinished=replace(first.unfinished, search=forged)))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("problem", None, "resume.problem is a NoneType"),
        ("certificate", None, "resume.certificate is a NoneType"),
        ("unfinished", None, "resume.unfinished is a NoneType"),
    ],
)
def test_half_a_certificate_is_refused(model, first, name, value, words):
    with pytest.raises(TypeError, match=words):
        ask(model, resume=replace(first, **{name: value}))


@pytest.mark.parametrize("name", ["dual", "lower_bound"])
@pytest.mark.parametrize("change", [torch.Tensor.float, lambda x: x.repeat_interleave(2, 0), lambda x: x.tolist()])
def test_bounds_of_another_shape_are_refused(model, first, name, change):
    changed = replace(first.certificate, **{name: change(getattr(first.certificate, name))})
    with pytest.raises(ValueError, match=f"resume.certificate.{name} is no float64 tensor"):
        ask(model, resume=replace(first, certificate=changed))
