"""Forgeries that were thought up, not drawn: what a reader of the format would try on a checker.

``of_text`` changes the text of a file, ``of_content`` what it holds. None of them may be confirmed by any checker, and
no checker may do anything but confirm or refuse.
"""

import copy
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Content = dict[str, Any]


def of_text(saved: Content) -> Iterator[tuple[str, str]]:
    text, f = json.dumps(saved), saved["objective"]
    higher, key = 2 * abs(f) + 1, '"lower_bound": '
    honest = f"{key}{json.dumps(saved['lower_bound'])}"
    assert honest in text
    yield "a bound written twice, the false one last", text.replace(honest, f"{honest}, {key}{higher!r}")
    yield "a bound written twice, the false one first", text.replace(honest, f"{key}{higher!r}, {honest}")
    yield "a bound under an escaped name as well", text.replace(honest, f'{honest}, "lower\\u005fbound": {higher!r}')
    yield (
        "a false bound under an escaped name first",
        text.replace(honest, f'"lower\\u005fbound": {higher!r}, {honest}'),
    )
    yield "a format twice", text.replace('"format": ', '"format": "another", "format": ', 1)
    yield "a loss twice, once escaped", text.replace('"loss": ', '"los\\u0073": "squared", "loss": ', 1)
    if saved["proof"] is not None:
        yield "a way to split twice", text.replace('"split": ', '"split": "columns", "split": ', 1)
        leaf = '"y": ' if '"shares": ' in text else '"mu": '
        yield "a part of a leaf twice", text.replace(leaf, f"{leaf}[], {leaf}", 1)
    yield "a bound in __proto__", text.replace(honest, f'{honest}, "__proto__": {{"lower_bound": {higher!r}}}')
    for number in ("1e400", "NaN", "Infinity", '"1"', "true", "null", "[1]", "0x10", "1_000", "+1", "01", ".5"):
        yield f"a bound of {number}", text.replace(honest, key + number)
    yield "a bound of a long integer", text.replace(honest, key + "9" * 400)
    yield "a bound with a comment", text.replace(honest, f"{key}{higher!r} /* {saved['lower_bound']!r} */")
    yield from _of_numbers(text, honest, higher)


def _of_numbers(text: str, honest: str, higher: float) -> Iterator[tuple[str, str]]:
    """What stands where the bound does, or around the file."""
    key = '"lower_bound": '
    yield "a second file after the first", text + text
    yield "a file within a list", f"[{text}]"
    yield "a comma too many", text[:-1] + ",}"
    yield "single quotes", text.replace('"', "'")
    yield "brackets without end", text.replace(honest, key + "[" * 5000)
    for number in ("\uff11", "\u0669\u0669", "1\u00b2", "\u221e", "1e" + "9" * 5000, f"{higher!r}_", "0b1"):
        yield f"a bound of {number[:4]}", text.replace(honest, key + number)
    for name, sign in (
        ("no-break space", "\u00a0"),
        ("line separator", "\u2028"),
        ("tabulator", "\x0b"),
        ("mark", "\ufeff"),
    ):
        yield f"a {name} before the bound", text.replace(honest, key + sign + repr(higher))
    for name in ("l\u043ewer_bound", "Lower_bound", "lower_bound\\u0000", "constructor", "toString", "length"):
        yield f"a bound under {name} as well", text.replace(honest, f'{honest}, "{name}": {higher!r}')
    yield "a byte order mark", "\ufeff" + text
    yield "a zero byte at the end", text + "\x00"
    yield "a digit after the end", f"{text}\n{higher!r}"
    yield "digits beyond float64", text.replace(honest, f"{key}{higher!r}" + "0" * 3000 + "9")


def changed(saved: Content, **values: Any) -> Content:
    return copy.deepcopy(saved) | values


def of_content(saved: Content) -> Iterator[tuple[str, Content]]:
    f, bound, lam = (saved[key] for key in ("objective", "lower_bound", "lam"))
    Y, G, U, V = (np.array(saved[key]) for key in ("Y", "G", "U", "V"))
    rise = abs(f) / 10
    yield "a bound above its objective", changed(saved, lower_bound=f + rise)
    yield "both claims raised together", changed(saved, objective=f + 2 * rise, lower_bound=f + rise)
    yield "an objective of nothing", changed(saved, objective=0.0)
    yield "claims swapped in sign", changed(saved, objective=-bound - 1, lower_bound=-f)
    yield "weights blown up and the bound raised", changed(saved, U=(1e8 * U).tolist(), lower_bound=f + rise)
    yield "no network, and its objective", changed(saved, U=[], V=[])
    for name, value in (("0", 0.0), ("−0", -0.0), ("below 0", -lam), ("the least number", 5e-324)):
        yield f"λ of {name}", changed(saved, lam=value)
    yield "a larger λ and the old bound scaled by it", changed(saved, lam=4 * lam, lower_bound=4 * abs(bound) + 1)
    for name, value in (("nothing", 0.0), ("less", -1.0), ("half", 0.5)):
        weights = [value, *saved["weights"][1:]]
        yield f"a sample that weighs {name}", changed(saved, weights=weights, lower_bound=f + rise)
    yield "one weight too few", changed(saved, weights=saved["weights"][1:])
    for name, value in (("2", 2), ("−1", -1), ("0.5", 0.5), ("true", True)):
        mask = copy.deepcopy(saved["mask"])
        mask[0][0] = value
        yield f"a mask of {name}", changed(saved, mask=mask)
    yield "a mask that hides all", changed(saved, mask=np.zeros(Y.shape, dtype=int).tolist(), lower_bound=f)
    yield "a decay of the bias below 0", changed(saved, output_bias=-1.0, lower_bound=f + rise)
    yield "no dual point", changed(saved, G=[])
    yield "a dual point a thousand times as large", changed(saved, G=(1000 * G).tolist(), lower_bound=f + rise)
    yield "a dual point of the targets", changed(saved, G=(-Y).tolist(), lower_bound=f + rise)
    yield "a dual point of another shape", changed(saved, G=[[0.0] * len(G)] * len(G[0]) + [[1.0]])
    yield "targets moved onto the network", changed(saved, Y=(Y * 0).tolist(), lower_bound=f)
    yield "one column of V too many", changed(saved, V=np.hstack([V, V[:, :1]]).tolist())
    yield "a unit without its output", changed(saved, U=[*saved["U"], saved["U"][0]])
    yield "a bias of one output too many", changed(saved, b=[*saved["b"], 0.0])
    yield "another format", changed(saved, format=saved["format"] + " ")
    yield "another loss", changed(saved, loss="huber")
    for name, value in (("list", [saved["loss"]]), ("object", {"a": 1}), ("capitals", saved["loss"].upper())):
        yield f"a loss in {name}", changed(saved, loss=value)
    for name in ("\uff12", "02", "2.0", "-2"):
        yield f"a format of version {name}", changed(saved, format=f"{saved['format'][:-1]}{name}")
    yield "rows in words", changed(saved, Y=[str(row) for row in saved["Y"]])
    yield (
        "rows under their numbers",
        changed(saved, G={"length": len(G)} | {str(i): row for i, row in enumerate(saved["G"])}),
    )
    yield "a bias that is false", changed(saved, output_bias=False)
    yield "claims exchanged", changed(saved, objective=bound - rise, lower_bound=f + rise)
    yield "targets and dual point exchanged", changed(saved, Y=saved["G"], G=saved["Y"], lower_bound=f + rise)
    yield "rows of the targets in another order", changed(saved, Y=saved["Y"][::-1])
    yield "rows of the dual point in another order", changed(saved, G=saved["G"][::-1], lower_bound=f)
    yield "outputs of the units turned round", changed(saved, V=(-V).tolist())
    yield "a unit left out", changed(saved, U=saved["U"][:-1], V=saved["V"][:-1], objective=bound)
    yield "everything but λ twice as large", changed(saved, G=(2 * G).tolist(), Y=(2 * Y).tolist(), lower_bound=4 * f)
    yield "the bound of a λ twice as large", changed(saved, G=(2 * G).tolist(), lower_bound=f + rise)
    yield "the objective of a λ half as large", changed(saved, objective=f / 2 + bound / 4, lower_bound=bound / 2)
    yield "units of sizes beyond float64", changed(saved, U=(1e200 * U).tolist(), V=(1e-200 * V).tolist())
    yield (
        "hidden biases of units that have none, or none of units that have",
        changed(saved, a=[1.0] * len(U) if saved["a"] is None else None, lower_bound=f + rise),
    )
    for name, number in (("in words", str(lam)), ("in a list", [lam]), ("in an object", {"$numberDouble": str(lam)})):
        yield f"λ {name}", changed(saved, lam=number)
    yield (
        "a decay of the bias that hides in −0",
        changed(saved, output_bias=-0.0, b=[1.0] * len(saved["b"]), objective=0.0),
    )
    yield (
        "a dual point that is 0 but for the largest number",
        changed(saved, G=[[1.7e308] * len(row) for row in saved["G"]]),
    )
    yield "a target of the largest number", changed(saved, Y=[[1.7e308] * len(row) for row in saved["Y"]])
    yield from _of_inputs(saved)
    yield from _of_proof(saved)


def _of_inputs(saved: Content) -> Iterator[tuple[str, Content]]:
    if saved["S"] is not None:
        S, U = np.array(saved["S"]), np.array(saved["U"])
        yield "no inputs", changed(saved, S=None)
        yield "inputs of another length", changed(saved, S=saved["S"][1:])
        yield "inputs with a column more", changed(saved, S=np.hstack([S, S[:, :1]]).tolist())
        yield "inputs a thousand times as large", changed(saved, S=(1000 * S).tolist(), U=(U / 1000).tolist())
        yield "hidden biases of a wrong length", changed(saved, a=[0.0] * (len(U) + 1))


def _of_proof(saved: Content) -> Iterator[tuple[str, Content]]:
    if saved["proof"] is not None:
        yield from _of_trees(saved)
        for side in ("plus", "minus"):
            for name, tree in (("empty", []), ("of None", [None]), ("true", True), ("of itself", [[{"row": 0}]])):
                yield f"a proof whose {side} is {name}", changed(saved, proof=saved["proof"] | {side: tree})
        yield (
            "a proof of half the sides",
            changed(saved, proof={k: v for k, v in saved["proof"].items() if k != "minus"}),
        )
        yield "a proof of one side twice", changed(saved, proof=saved["proof"] | {"minus": saved["proof"]["plus"]})
        yield "a proof without a word of how", changed(saved, proof={})
    else:
        yield (
            "a proof nobody asked for, and a bound raised",
            changed(
                saved,
                lower_bound=math.nextafter(saved["objective"], math.inf),
                proof={"split": "rows", "plus": [], "minus": []},
            ),
        )


def _of_trees(saved: Content) -> Iterator[tuple[str, Content]]:
    """Changes of one node of a tree, and of the order of nodes."""
    tree = saved["proof"]["plus"]

    def with_tree(nodes: list[Any]) -> Content:
        return changed(saved, proof=saved["proof"] | {"plus": nodes})

    def with_node(kind: str, **values: Any) -> Content:
        place = next(i for i, node in enumerate(tree) if kind in node)
        return with_tree([*tree[:place], tree[place] | values, *tree[place + 1 :]])

    yield "nodes in another order", with_tree(tree[::-1])
    yield (
        "the way of the other trees",
        changed(saved, proof=saved["proof"] | {"split": "cones" if saved["proof"]["split"] == "rows" else "rows"}),
    )
    yield "a node for all", with_tree([{"row": 0}, *tree])
    yield "a note in a node", with_tree([tree[0] | {"note": "trust me"}, *tree[1:]])
    yield from _of_nodes(saved, with_node)


def _of_nodes(saved: Content, with_node: Callable[..., Content]) -> Iterator[tuple[str, Content]]:
    """Changes of one node, by the way that the tree is split."""
    if saved["proof"]["split"] == "rows":
        d = len(saved["S"][0])
        for row in (-1, 10**9, 0.5, True, "0", None, [0]):
            yield f"a split of row {row!r}", with_node("row", row=row)
        yield "a matrix with a larger μ and a smaller t", with_node("mu", mu=1e9, t=-1e9)
        yield "no majorants", with_node("mu", gamma=[0.0] * len(saved["S"]), beta=[0.0] * len(saved["S"]))
        yield "a turn longer than it says", with_node("mu", y=[[0, 0.0, [1.0] * d]])
        yield "a turn of a negative length", with_node("mu", y=[[0, -1.0, [0.0] * d]])
        yield "a turn twice", with_node("mu", y=[[0, 0.0, [0.0] * d]] * 2)
        yield "turns in an object", with_node("mu", y={"0": [0, 0.0, [0.0] * d]})
    else:
        y = next(node["y"] for node in saved["proof"]["plus"] if "y" in node)
        for name, edge in (("itself", [0, 0]), ("nowhere", [0, 9]), ("three", [0, 1, 2]), ("words", ["0", "1"])):
            yield f"an edge to {name}", with_node("edge", edge=edge)
        for at in ([0.0, 1.0], [-1.0, 1.0], [1.0], "11", None):
            yield f"a cut at {at!r}", with_node("edge", at=at)
        for shares in (
            None,
            3,
            [1],
            [[0, 2.0]],
            [[0, -0.1]],
            [[0, 0.5], [0, 0.5]],
            [["0", 0.5]],
            [[-1, 0.5]],
            {"0": 1},
        ):
            yield f"shares of {shares!r}", with_node("y", shares=shares)
        yield "a leaf turned round", with_node("y", y=[-x for x in y])
        yield "a leaf of nothing", with_node("y", y=[0.0] * len(y))
        yield "a leaf longer than λ", with_node("y", y=[1e3 * x for x in y])


def invented(saved: Content) -> Iterator[tuple[str, str]]:
    """(what was done, the text of the forged file); every one of them is false, or no certificate."""
    yield from of_text(saved)
    for what, content in of_content(saved):
        yield what, json.dumps(content)
