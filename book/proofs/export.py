"""A saved certificate as a theorem in the language of Coq: the file's numbers, its two claims, and the check."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from global_optimality.cone_proof import prove_by_cones
from global_optimality.exact.drawn import drawn
from global_optimality.exact.file import Matrix, Saved
from global_optimality.exact.numbers import round_down
from global_optimality.exact.trees import Reader, edge_of, leaf_of
from global_optimality.exact.values import dual_value

SHARE = 2.0**-30
"""How much of the dual point is given away where the file has no proof by cones and one is made here."""

_TEXT = """From Coq Require Import ZArith NArith List.
From Certificates Require Import Cones Dyadic Certificate.
Import ListNotations.
Notation D := Dyadic.

Definition the_certificate : certificate := {{|
  hidden := {hidden};
  inputs := {inputs}%nat;
  outputs := {outputs}%nat;
  Y := {Y};
  lam := {lam};
  weights := {weights};
  G := {G};
  claimed_objective := {objective};
  claimed_lower_bound := {lower_bound};
|}}.

Lemma checked : check the_certificate = true.
Proof. vm_cast_no_check (eq_refl true). Qed.

Theorem proved : claims the_certificate.
Proof. exact (check_sound the_certificate checked). Qed.

Print Assumptions proved.
"""


def theorem(saved: Saved) -> str:
    """The text of a file of Coq that proves both claims of a certificate, and says what it assumes.

    Where S has at most three columns the file has no tree: one is made, for SHARE less of the dual point, and the bound
    claimed is the one that follows. ``ValueError``, naming it, for what the development in Coq does not know.
    """
    saved = _with_tree(_known(saved))
    N, c = len(saved.Y), len(saved.Y[0])
    hidden, inputs = "Product", N
    if saved.S is not None and saved.proof is not None:
        inputs = len(saved.S[0])
        plus, minus = (_list(_trees(saved.proof.get(side), side, inputs, N)) for side in ("plus", "minus"))
        hidden = f"Units {_matrix(saved.S)}\n    {plus}\n    {minus}"
    units = (f"({_vector(u)}, {_vector(v)})" for u, v in zip(saved.U, saved.V, strict=True))
    return _TEXT.format(
        hidden=hidden,
        inputs=inputs,
        outputs=c,
        Y=_matrix(saved.Y),
        lam=_number(saved.lam),
        weights=_list(units),
        G=_matrix(saved.G),
        objective=_number(saved.objective),
        lower_bound=_number(saved.lower_bound),
    )


def _known(saved: Saved) -> Saved:
    """The same; ``ValueError`` where one of its parts has no theorem."""
    lacks = {
        "files of version 1": saved.version == 1,
        f"the {saved.loss} loss": saved.loss != "squared",
        "output biases": saved.bias is not None,
        "hidden biases without decay": saved.a is not None,
        "sample weights": any(w != 1 for w in saved.weights),
        "masks": not all(m for row in saved.mask for m in row),
        "several outputs of hidden units": saved.S is not None and len(saved.Y[0]) > 1,
        "proofs by rows": saved.proof is not None and saved.proof.get("split") != "cones",
    }
    missing = [name for name, lacking in lacks.items() if lacking]
    if missing:
        raise ValueError(
            f"Coq has no theorem for {', '.join(missing)}: it knows the squared loss of every sample, of products of "
            "matrices and of hidden units with one output; the checkers in Python and JavaScript know the others."
        )
    return saved


def _with_tree(saved: Saved) -> Saved:
    if saved.S is None or saved.proof is not None:
        return saved
    G = drawn(saved, SHARE)
    assert G is not None  # of the squared loss without a bias, every G is
    moved = replace(saved, G=G)
    proof = prove_by_cones(np.array(saved.S), -np.array(G)[:, 0], saved.lam)
    return replace(moved, proof=proof, lower_bound=round_down(dual_value(moved)))


def _trees(nodes: Any, side: str, d: int, rows: int) -> Iterator[str]:
    """One term for each orthant, from the list of nodes, each followed by its two subtrees; strictly read.

    What stands in the file as text is refused: only numbers come into the language of Coq.
    """
    tree = Reader(nodes, side)
    for _ in range(2**d):
        parts, todo = [], [""]  # what follows each subtree that is still to come
        while todo:
            end, node = todo.pop(), tree.next()
            if "edge" in node:
                a, b, at = edge_of(node, d)
                parts.append(f"(Edge {a}%nat {b}%nat {' '.join(map(_number, at))} ")
                todo += [f"){end}", " "]
            else:
                y, shares = leaf_of(tree, node, d, rows)
                parts.append(f"(Leaf {_vector(y)} {_vector([shares.get(i, 0.0) for i in range(rows)])}){end}")
        yield "".join(parts)
    tree.end()


def _number(x: float) -> str:
    """m / 2^k, exactly."""
    whole, denominator = float(x).as_integer_ratio()
    return f"(D ({whole}) {denominator.bit_length() - 1})"


def _list(terms: Iterator[str]) -> str:
    return f"[{'; '.join(terms)}]"


def _vector(numbers: Sequence[float]) -> str:
    return _list(map(_number, numbers))


def _matrix(rows: Matrix) -> str:
    return _list(map(_vector, rows))
