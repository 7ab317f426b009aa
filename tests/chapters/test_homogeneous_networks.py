"""What is homogeneous among deep networks, and what each network outside the theory is refused for."""

import pytest

from book.deep_networks import experiment, homogeneous
from global_optimality import Problem, SumOfPowers
from global_optimality.homogeneity import check_nondegenerate


def test_every_network_outside_the_theory_is_refused_for_its_own_reason():
    words = {
        "sigmoid units": "not homogeneous",
        "weight decay on three layers": "degree 3 but θ has degree 2",
        "θ blind to two of the layers": "degenerate pair",
        "a single layer, K = 1": "K = 1",
        "a layer of width zero": "width 0",
        "weights that do not chain": "factor 2 has shape",
        "pooling that does not divide": "does not divide",
    }
    messages = homogeneous.refusals()["message"]
    assert set(messages.index) == set(words)
    for name, word in words.items():
        assert word in messages[name]


def test_degenerate_pairs_are_refused_at_construction_and_others_are_not():
    problem = experiment.curve(4, (2, 2, 1), 0.1, seed=0)
    with pytest.raises(ValueError, match=r"degenerate pair.*grows without end"):
        Problem(problem.loss, problem.mapping, homogeneous.FirstLayerOnly(3), 0.1)
    check_nondegenerate(problem.mapping, SumOfPowers(3))
    verdicts = homogeneous.pairs()["verdict"]
    assert verdicts["‖w¹‖³ alone"] == "UNBOUNDED"
    assert list(verdicts.iloc[7:9]) == ["UNEQUAL_DEGREES"] * 2
    assert set(verdicts.iloc[:7]) == {"NOT_REFUTED"}


def test_a_whole_alexnet_has_degree_four():
    assert homogeneous.alexnet().is_degree(4)
    assert homogeneous.layers().loc["two ReLU layers", "degree"] == 2
