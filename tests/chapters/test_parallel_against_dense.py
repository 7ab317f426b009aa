"""Parallel against dense networks: as many weights, and each held against the best of its own kind."""

from book.implications import dense


def test_architectures_have_as_many_weights_and_their_own_best():
    table = dense.parallel_against_dense(((4, 5),), (0.1,), draws=(0, 1), runs=2, steps=20, window=5)
    assert len(table) == 2 * 2 * 2
    assert set(table["parameters"]) == {40}
    for _, width in dense.PAIRS:
        made = dense.problem(width, 0.1, seed=0).random(1, 1)
        assert sum(w[0].numel() for w in made) == width**2 + 3 * width
    assert (table.groupby(["architecture", "draw"])["excess"].min() == 0).all()
    assert (table["test_error"] > 0).all()
