"""The usual layers as functions of their weights on fixed data: which are positively homogeneous, of what degree."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..streams import generator, normal, uniform
from .measure import Degree, Homogeneity, measure_degree

Layer = Callable[..., Tensor]


@dataclass(frozen=True)
class LayerRow:
    """One layer: its formula, its measured degree in all its weights together, and whether section 5 allows it."""

    layer: str
    formula: str
    estimate: float
    residual: float
    verdict: Homogeneity
    remark: str

    @property
    def allowed(self) -> bool:
        """Whether a mapping may hold this layer: homogeneous of a degree that is not negative."""
        return self.verdict is Homogeneity.HOMOGENEOUS and self.estimate >= 0


def layer_table(seed: int = 0) -> tuple[LayerRow, ...]:
    """The measured table of layers. Each is fed by a linear or convolutional layer of weights w on random data S."""
    rows = []
    for name, formula, layer, shapes, remark in _layers(seed):
        stream = generator(seed, "layer table", name)
        found: Degree = measure_degree(layer, [tuple(normal(stream, *s) for s in shapes) for _ in range(4)])
        rows.append(LayerRow(name, formula, found.estimate, found.residual, found.verdict, remark))
    return tuple(rows)


def _layers(seed: int) -> list[tuple[str, str, Layer, tuple[tuple[int, ...], ...], str]]:
    stream = generator(seed, "layer table", "data")
    S, images = normal(stream, 12, 5), normal(stream, 3, 2, 8, 8)
    kept = (uniform(stream, 12, 4) < 0.5).to(S)
    w, filters, square = (5, 4), (4, 2, 3, 3), (5, 5)

    def convolved(f: Tensor) -> Tensor:
        return functional.conv2d(images, f)

    def standardised(x: Tensor, floor: float) -> Tensor:
        return (x - x.mean(0)) / (x.var(0, correction=0) + floor).sqrt()

    def response(f: Tensor, floor: float, power: float) -> Tensor:
        x = torch.relu(convolved(f))
        return x / (floor + x.square().sum(1, keepdim=True)) ** power

    return [
        ("linear", "S w", lambda a: S @ a, (w,), ""),
        (
            "linear with bias",
            "S w + b",
            lambda a, b: S @ a + b,
            (w, (4,)),
            "of degree 1, but see two layers with biases",
        ),
        ("convolution", "S ∗ w", convolved, (filters,), ""),
        ("ReLU", "(S w)₊", lambda a: torch.relu(S @ a), (w,), ""),
        ("leaky ReLU", "max(S w, S w / 10)", lambda a: functional.leaky_relu(S @ a, 0.1), (w,), ""),
        (
            "two ReLU layers",
            "((S w¹)₊ w²)₊",
            lambda a, b: torch.relu(torch.relu(S @ a) @ b),
            (w, (4, 3)),
            "one for each layer",
        ),
        (
            "two ReLU layers with biases",
            "((S w¹ + b¹)₊ w² + b²)₊",
            lambda a, b, c, d: torch.relu(torch.relu(S @ a + b) @ c + d),
            (w, (4,), (4, 3), (3,)),
            "use a constant input for the first bias, none later",
        ),
        ("max pooling", "max over 2 × 2 of S ∗ w", lambda f: functional.max_pool2d(convolved(f), 2), (filters,), ""),
        (
            "average pooling",
            "mean over 2 × 2 of S ∗ w",
            lambda f: functional.avg_pool2d(convolved(f), 2),
            (filters,),
            "",
        ),
        (
            "batch normalization",
            "(x − mean x) / √var x, x = S w",
            lambda a: standardised(S @ a, 0.0),
            (w,),
            "blind to the scale of w: contributes nothing to p",
        ),
        (
            "batch normalization with gain",
            "g (x − mean x) / √var x, x = S w",
            lambda a, g: g * standardised(S @ a, 0.0),
            (w, (4,)),
            "the gain g is the scale",
        ),
        (
            "batch normalization as coded",
            "g (x − mean x) / √(var x + 1e-5) + b",
            lambda a, g, b: g * standardised(S @ a, 1e-5) + b,
            (w, (4,), (4,)),
            "the 1e-5 spoils it, slightly",
        ),
        (
            "response normalization (AlexNet)",
            "x / (2 + 1e-4 Σ x²)^0.75",
            lambda f: response(f, 2e4, 0.75) * 1e3,
            (filters,),
            "the paper modifies it",
        ),
        (
            "response normalization, homogeneous",
            "x² / √(Σ x²), x = (S ∗ w)₊",
            lambda f: torch.relu(convolved(f)) * response(f, torch.finfo(S.dtype).tiny, 0.5),
            (filters,),
            "as in AlexNet of this package",
        ),
        ("residual block", "S + (S w)₊", lambda a: S + torch.relu(S @ a), (square,), "the skipped input has degree 0"),
        (
            "residual block, weighted skip",
            "S v + (S w)₊",
            lambda a, v: S @ v + torch.relu(S @ a),
            (square, square),
            "a weight on the skip repairs one layer",
        ),
        ("dropout mask", "m ∘ (S w)₊, m fixed", lambda a: kept * torch.relu(S @ a), (w,), "for every draw of the mask"),
        ("sigmoid", "1 / (1 + exp(−S w))", lambda a: torch.sigmoid(S @ a), (w,), ""),
        ("tanh", "tanh(S w)", lambda a: torch.tanh(S @ a), (w,), ""),
        ("GELU", "S w · normal cdf(S w)", lambda a: functional.gelu(S @ a), (w,), "tends to ReLU far out only"),
        ("softmax", "softmax(S w)", lambda a: torch.softmax(S @ a, 1), (w,), "belongs into the loss"),
    ]
