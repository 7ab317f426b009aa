"""Parallel against dense networks: as many weights, and each held against the best of its own kind."""

import pandas as pd

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


def test_leads_are_those_of_the_table_and_not_of_the_words():
    rows = [
        {"lam": 0.1, "weights": 40, "draw": draw, "architecture": name, "excess": excess}
        for draw in range(4)
        for name, excess in (("parallel", 0.0), ("dense", 1.0 if draw else 0.0))
        for _ in range(6)
    ]
    table = pd.DataFrame(rows).assign(falls=0.0, test_error=1.0)
    found = dense.leads(table)
    assert found.loc[("close", 40), "mean"] == found.loc[("close", "all"), "mean"] == 0.75
    assert found.loc[("trapped", 40), "mean"] == -0.75
    assert found.loc[("test_error", 40), "mean"] == 0
    assert dense.false_leads(table, deals=60, seed=0) < 0.25, "the words say nothing once they are dealt at random"
    told = table.assign(lam=table["architecture"].eq("dense").astype(float))
    assert dense.false_leads(told[told["draw"] > 0], deals=1, seed=0) == 1, "cells of one word: nothing can be dealt"
