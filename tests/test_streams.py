"""Random streams: the same names give the same numbers, and nothing global is touched."""

import numpy as np
import torch

from global_optimality import generator
from global_optimality.streams import normal, uniform


def test_same_names_same_numbers():
    assert torch.equal(normal(generator(3, "init", 2), 5), normal(generator(3, "init", 2), 5))
    assert torch.equal(normal(generator(3, "init", np.int64(2)), 5), normal(generator(3, "init", 2), 5))


def test_other_names_other_numbers():
    names = [(0,), (1,), (0, "a"), (0, "a", 1), (0, "a", "1"), (0, "a1"), (0, "a", 1, 1), (0, "a", 11)]
    draws = {float(normal(generator(*name), 1)) for name in names}
    assert len(draws) == len(names)


def test_global_state_is_left_alone():
    before = torch.random.get_rng_state()
    normal(generator(0, "x"), 10)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(1)
    first = normal(generator(0, "x"), 10)
    torch.manual_seed(2)
    assert torch.equal(first, normal(generator(0, "x"), 10))


def test_numbers_are_drawn_in_float64_then_converted():
    like = torch.zeros(1, dtype=torch.float32)
    assert torch.equal(normal(generator(0), 7, like=like), normal(generator(0), 7).float())
    assert normal(generator(0), 7).dtype == torch.float64


def test_moments():
    x, u = normal(generator(0, "moments"), 200_000), uniform(generator(0, "moments"), 200_000)
    assert abs(float(x.mean())) < 0.01
    assert abs(float(x.var()) - 1) < 0.02
    assert 0 <= float(u.min()) < 1e-4 < 0.999 < float(u.max()) < 1
