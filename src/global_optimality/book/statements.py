"""The statements of the paper that chapters test, each in our own words.

A claim is named `<statement>/<what was measured>`. Formulas are written in Unicode or between `$`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from .project import BookError

SECTIONS = {
    1: "Introduction",
    3: "Matrix factorization",
    4: "Networks with one hidden layer",
    5: "Deep networks with parallel structure",
    6: "Limitations and implications",
}


@dataclass(frozen=True)
class Statement:
    """One statement: its identifier, what the paper calls it, its section, and a paraphrase."""

    id: str
    name: str
    section: int
    paraphrase: str


_ALL = (
    Statement(
        "figure-1",
        "Figure 1",
        1,
        "A non-convex function has critical points of several kinds: plateaus, global minima, local maxima and "
        "local minima that are not global.",
    ),
    Statement(
        "figure-2",
        "Figure 2",
        1,
        "In the framework a path that never rises leads from every start to a global minimum, and from a plateau "
        "one slides to its edge.",
    ),
    Statement(
        "section-1-large-networks",
        "Section 1, large networks",
        1,
        "When the network is large enough, local descent from different random starts ends at different weights "
        "with nearly the same objective.",
    ),
    Statement(
        "section-1-dead-neurons",
        "Section 1, dead neurons",
        1,
        "With rectified linear units many weights of a trained, large enough network are zero.",
    ),
    Statement(
        "equation-4",
        "Equation (4)",
        1,
        "A weighted sum of hidden units with an ℓ1 penalty on its weights is a convex problem, solved by adding one "
        "unit at a time until none lowers the objective.",
    ),
    Statement(
        "equation-6",
        "Equation (6)",
        3,
        "Matrix factorization with squared loss and squared Frobenius norms of the factors is a non-convex "
        "problem in the factors and their number r.",
    ),
    Statement(
        "equation-7",
        "Equation (7)",
        3,
        "The nuclear norm of X is the smallest half sum of squared Frobenius norms over all factorizations of X.",
    ),
    Statement(
        "equation-8",
        "Equation (8)",
        3,
        "The convex problem with the nuclear norm is solved in closed form by the singular value decomposition "
        "of Y, and has the same minimum as (6).",
    ),
    Statement(
        "section-3-local-minima",
        "Section 3, local minima",
        3,
        "Every local minimum of (6) is global once r is large enough.",
    ),
    Statement(
        "section-3-lower-bound",
        "Section 3, lower bound",
        3,
        "The convex problem bounds the non-convex one from below, and the bound is attained.",
    ),
    Statement(
        "equation-10",
        "Equation (10)",
        4,
        "The output and the regularizer of a network with one hidden layer of rectified linear units are sums, "
        "over the units, of positively homogeneous functions of degree 2.",
    ),
    Statement(
        "equation-12",
        "Equation (12)",
        4,
        "The smallest regularization over all networks that produce X generalises the nuclear norm to networks "
        "with one hidden layer.",
    ),
    Statement(
        "equation-13",
        "Equation (13)",
        4,
        "The convex problem in the output X bounds training with one hidden layer from below, and is attained.",
    ),
    Statement(
        "equation-14",
        "Equation (14)",
        5,
        "The output and the regularizer of parallel subnetworks are sums of positively homogeneous functions of "
        "one degree p.",
    ),
    Statement(
        "proposition-1-1",
        "Proposition 1, item 1",
        5,
        "The induced regularizer Ω is zero at zero and positive everywhere else.",
    ),
    Statement("proposition-1-2", "Proposition 1, item 2", 5, "Ω is positively homogeneous of degree 1."),
    Statement("proposition-1-3", "Proposition 1, item 3", 5, "Ω satisfies the triangle inequality."),
    Statement("proposition-1-4", "Proposition 1, item 4", 5, "Ω is a convex function of the output X."),
    Statement(
        "proposition-1-5",
        "Proposition 1, item 5",
        5,
        "The infimum that defines Ω is attained with at most card(X) subnetworks.",
    ),
    Statement(
        "footnote-5",
        "Footnote 5",
        5,
        "For matrix factorization Ω is the nuclear norm, and rank(X) subnetworks are enough to attain it.",
    ),
    Statement(
        "section-5-cones",
        "Section 5, indicators of cones",
        5,
        "Constraints that confine the factors to a cone, such as non-negativity, fit the framework: their indicator "
        "is positively homogeneous.",
    ),
    Statement(
        "theorem-1",
        "Theorem 1",
        5,
        "A local minimum with a subnetwork that is zero is a global minimum, and its output solves the convex "
        "problem (16).",
    ),
    Statement(
        "corollary-1",
        "Corollary 1",
        5,
        "A local minimum is global if it stays a local minimum after a zero subnetwork is appended.",
    ),
    Statement(
        "theorem-2",
        "Theorem 2",
        5,
        "With more than card(X) subnetworks a path that never rises leads from any start to a global minimum.",
    ),
    Statement(
        "theorem-2-slide",
        "Theorem 2, step 3",
        5,
        "Scaling the subnetworks along a null vector of their outputs moves along a flat stretch of the objective "
        "until a subnetwork is zero.",
    ),
    Statement(
        "section-6-size",
        "Section 6, size",
        6,
        "The bound card(X) on the number of subnetworks is far from sharp: for matrix factorization the rank of "
        "the solution is enough.",
    ),
    Statement(
        "section-6-one-network",
        "Section 6, rich subnetworks",
        6,
        "If one subnetwork reaches every output and θ satisfies the triangle inequality, r = 1 attains Ω.",
    ),
    Statement(
        "section-6-parallel",
        "Section 6, parallel structure",
        6,
        "A network of fixed size r = 1 has no such guarantee: r must be large enough.",
    ),
    Statement(
        "section-6-descent",
        "Section 6, local descent",
        6,
        "The guarantee concerns local descent, not the gradient method: a descent direction can be hard to find.",
    ),
    Statement(
        "section-6-mismatch",
        "Section 6, degrees",
        6,
        "If the degrees of the network and of the regularizer differ, either nothing can be guaranteed or the "
        "regularizer does not limit the size of the network.",
    ),
    Statement(
        "section-6-weight-decay",
        "Section 6, weight decay",
        6,
        "With weight decay on a deep network there are local minima that are not global, whatever its size.",
    ),
    Statement(
        "section-6-path-norm",
        "Section 6, path regularization",
        6,
        "A regularizer made of products of weights along paths has the degree of the network.",
    ),
    Statement(
        "section-6-batch-normalization",
        "Section 6, batch normalization",
        6,
        "Whitening the input of a layer keeps the network positively homogeneous.",
    ),
    Statement(
        "section-6-dropout",
        "Section 6, dropout",
        6,
        "Dropout resembles a sum of many subnetworks, but it is no exact instance of the framework.",
    ),
    Statement(
        "section-6-sums",
        "Section 6, sums of subnetworks",
        6,
        "Networks that add up subnetworks, as boosting and bagging do, are easy to optimise.",
    ),
)

STATEMENTS = {statement.id: statement for statement in _ALL}


def statement_of(claim: str) -> Statement:
    """The statement that the claim `<statement>/<name>` tests; an unknown one is a BookError."""
    identifier, slash, name = claim.partition("/")
    if not slash or not name:
        raise BookError(f"claim {claim!r}: write it as <statement>/<name>, for example theorem-1/gap")
    if identifier not in STATEMENTS:
        near = difflib.get_close_matches(identifier, STATEMENTS, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "book/statements.py lists them"
        raise BookError(f"claim {claim!r}: the paper has no statement {identifier!r}: {hint}")
    return STATEMENTS[identifier]
