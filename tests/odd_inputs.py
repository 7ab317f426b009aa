"""Bad and odd inputs, as users bring them: what each is, the answer it gets, and the cure that the answer names.

A row with an error is refused with it, and ``cure`` is in its message; a row without is answered, and ``cure`` says
what must hold of the answer. ``test_odd_inputs`` runs every row, and demands for every public name the kinds of rows
that its parameters call for.
"""

import torch

from cases import randn
from global_optimality import (
    LBFGS,
    AlexNet,
    BalancedWeightDecay,
    BiasedReluUnit,
    ConvPool,
    CrossEntropyLoss,
    DeepBiasedRelu,
    DeepLinear,
    DeepRelu,
    DropoutPenalty,
    Effort,
    GradientDescent,
    LogisticLoss,
    MaskedSquaredLoss,
    MatrixProduct,
    MaxNorm,
    NewtonCG,
    NonNegative,
    NormalizedConvPool,
    NormalizedRelu,
    OnLayers,
    PathNorm,
    PowerDecay,
    ProductOfNorms,
    RankOneTensor,
    ReluUnit,
    SquaredLoss,
    SumOfPowers,
    SumOfSquares,
    WeightedPowers,
    WeightedSum,
    generator,
)
from odd_files import FILES
from odd_functions import FUNCTIONS
from odd_networks import COSTS, NETWORKS
from odd_rows import Kind, Row

NAN = float("nan")
S = randn("odd data", 6, 2)
Y = S[:, :1].abs().contiguous()
SIGNS = torch.sign(S)
LABELS = torch.tensor([0, 1, 0, 1, 1, 0])
IMAGES = randn("odd images", 3, 1, 6, 6)


def data_rows(build, name: str, data: torch.Tensor) -> list[Row]:
    """What every mapping and loss must say of its data."""
    return [
        Row(Kind.TYPE, "a numpy array", lambda: build(data.numpy()), f"torch.as_tensor({name}", TypeError),
        Row(Kind.TYPE, "a list", lambda: build(data.tolist()), f"torch.as_tensor({name}", TypeError),
        Row(Kind.TYPE, "half precision", lambda: build(data.half()), ".double()", ValueError),
        Row(Kind.TYPE, "sparse", lambda: build(data.to_sparse()), f"{name}.to_dense()", ValueError),
        Row(Kind.SHAPE, "no sample", lambda: build(data[:0]), "shape (0", ValueError),
        Row(Kind.SHAPE, "a number", lambda: build(data.flatten()[0]), "shape ()", ValueError),
        Row(Kind.NUMBERS, "NaN", lambda: build(data * NAN), "clean the data", ValueError),
        Row(Kind.NUMBERS, "infinity", lambda: build(data / 0), "clean the data", ValueError),
    ]


def size_rows(build, what: str) -> list[Row]:
    """What every number of units, layers or rows must be."""
    return [
        Row(Kind.SETTING, f"{what} = 2.5", lambda: build(2.5), "whole number", TypeError),
        Row(Kind.SETTING, f"{what} = None", lambda: build(None), "whole number", TypeError),
        Row(Kind.SETTING, f"{what} = 0", lambda: build(0), "at least 1", ValueError),
    ]


def inside_rows(build) -> list[Row]:
    return [
        Row(Kind.TYPE, "a class", lambda: build(SumOfSquares), "SumOfSquares(...)", TypeError),
        Row(Kind.TYPE, "a number", lambda: build(2.0), "such as SumOfSquares()", TypeError),
    ]


def image_rows(build) -> list[Row]:
    return [
        *data_rows(build, "images", IMAGES),
        Row(Kind.SHAPE, "one image", lambda: build(IMAGES[0]), "images", ValueError),
        Row(Kind.TYPE, "bytes", lambda: build((255 * IMAGES).to(torch.uint8)), ".double()", ValueError),
    ]


def weights_of(loss):
    return [
        Row(Kind.SHAPE, "three weights", lambda: loss(weights=torch.ones(3).double()), "one a sample", ValueError),
        Row(Kind.NUMBERS, "weight 0", lambda: loss(weights=torch.zeros(6).double()), "leave out samples", ValueError),
        Row(Kind.SETTING, "a negative bias decay", lambda: loss(output_bias=-1.0), "0.0 (free)", ValueError),
    ]


LOSSES = {
    "SquaredLoss": [
        *data_rows(SquaredLoss, "Y", Y),
        *weights_of(lambda **options: SquaredLoss(Y, **options)),
        Row(Kind.NUMBERS, "times 1e-160", lambda: SquaredLoss(1e-160 * Y), "by one constant k", ValueError),
        Row(Kind.NUMBERS, "times 1e160", lambda: SquaredLoss(1e160 * Y), "by one constant k", ValueError),
        Row(Kind.NUMBERS, "zeros", lambda: SquaredLoss(0 * Y), "a loss", holds=lambda loss: float(loss(Y[None])) > 0),
    ],
    "LogisticLoss": [
        *data_rows(LogisticLoss, "Y", SIGNS),
        *weights_of(lambda **options: LogisticLoss(SIGNS, **options)),
        Row(Kind.NUMBERS, "labels 0 and 1", lambda: LogisticLoss((SIGNS + 1) / 2), "2 * Y - 1", ValueError),
        Row(Kind.SHAPE, "labels (N,)", lambda: LogisticLoss(SIGNS[:, 0]), "y[:, None]", ValueError),
        Row(Kind.NUMBERS, "one class", lambda: LogisticLoss(SIGNS.abs(), output_bias=0.0), "μ > 0", ValueError),
    ],
    "CrossEntropyLoss": [
        *data_rows(CrossEntropyLoss, "Y", torch.eye(2).double().repeat(3, 1))[:4],
        *weights_of(lambda **options: CrossEntropyLoss(LABELS, **options)),
        *size_rows(lambda k: CrossEntropyLoss(LABELS, classes=k), "classes")[::2],
        Row(Kind.SHAPE, "labels (N, 1)", lambda: CrossEntropyLoss(LABELS[:, None]), "integers (N,)", ValueError),
        Row(Kind.NUMBERS, "a label −1", lambda: CrossEntropyLoss(LABELS - 1), "number the classes from 0", ValueError),
        Row(Kind.NUMBERS, "a label 10¹²", lambda: CrossEntropyLoss(LABELS * 10**12), "classes=...", ValueError),
        Row(Kind.TYPE, "labels as numbers", lambda: CrossEntropyLoss(LABELS.double()), "labels.long()", ValueError),
        Row(Kind.TYPE, "true and false", lambda: CrossEntropyLoss(LABELS > 0), "expected integers", ValueError),
    ],
    "MaskedSquaredLoss": [
        *data_rows(lambda data: MaskedSquaredLoss(data, torch.ones(6, 2) > 0), "Y", S)[:4],
        Row(Kind.TYPE, "weights as mask", lambda: MaskedSquaredLoss(S, 0.5 * (S > 0)), "mask.bool()", ValueError),
        Row(
            Kind.TYPE, "a numpy mask", lambda: MaskedSquaredLoss(S, (S > 0).numpy()), "torch.as_tensor(mask", TypeError
        ),
        Row(Kind.SHAPE, "a row as mask", lambda: MaskedSquaredLoss(S, S[0] > 0), "of the shape of Y", ValueError),
        Row(
            Kind.NUMBERS, "nothing seen", lambda: MaskedSquaredLoss(S, S > 1e9), "at least one must be seen", ValueError
        ),
        Row(Kind.NUMBERS, "NaN seen", lambda: MaskedSquaredLoss(S * NAN, S > 0), "clean the data", ValueError),
    ],
}
MAPPINGS = {
    "ReluUnit": data_rows(ReluUnit, "S", S) + size_rows(lambda k: ReluUnit(S, k), "outputs"),
    "BiasedReluUnit": [
        *data_rows(BiasedReluUnit, "S", S),
        *size_rows(lambda k: BiasedReluUnit(S, k), "outputs"),
        Row(
            Kind.NUMBERS, "equal rows", lambda: BiasedReluUnit(S[:1].expand(5, 2)), "tell the samples apart", ValueError
        ),
    ],
    "DeepRelu": [
        *data_rows(lambda data: DeepRelu(data, (2, 1)), "S", S),
        *size_rows(lambda k: DeepRelu(S, (k, 1)), "widths"),
        Row(Kind.SETTING, "slope = 1", lambda: DeepRelu(S, (2, 1), 1.0), "a slope in [0, 1)", ValueError),
        Row(Kind.SETTING, "slope in words", lambda: DeepRelu(S, (2, 1), "0.1"), "pass a number", TypeError),
        Row(Kind.SETTING, "one width", lambda: DeepRelu(S, 2), "a tuple of whole numbers", TypeError),
    ],
    "DeepBiasedRelu": [
        *data_rows(lambda data: DeepBiasedRelu(data, (2, 1)), "S", S),
        *size_rows(lambda k: DeepBiasedRelu(S, (k, 1)), "widths"),
    ],
    "NormalizedRelu": [
        *data_rows(lambda data: NormalizedRelu(data, (2, 1)), "S", S),
        *size_rows(lambda k: NormalizedRelu(S, (k, 1)), "widths"),
    ],
    "DeepLinear": [
        *data_rows(lambda data: DeepLinear(2, (2, 1), data), "S", S),
        *size_rows(lambda k: DeepLinear(k, (2, 1)), "rows"),
    ],
    "ConvPool": [
        *image_rows(lambda data: ConvPool(data, 2, 3, 2, 1)),
        *size_rows(lambda k: ConvPool(IMAGES, k, 3, 2, 1), "channels"),
        Row(Kind.SETTING, "a kernel of 100", lambda: ConvPool(IMAGES, 2, 100, 2, 1), "does not fit", ValueError),
    ],
    "NormalizedConvPool": [
        *image_rows(lambda data: NormalizedConvPool(data, 2, 3, 2, 1)),
        *size_rows(lambda k: NormalizedConvPool(IMAGES, 2, k, 2, 1), "kernel"),
    ],
    "AlexNet": [
        *image_rows(lambda data: AlexNet(data, (2, 2), (3, 2), (2, 1), 3, 1)),
        *size_rows(lambda k: AlexNet(IMAGES, (2, 2), (3, 2), (2, 1), k, 1), "hidden"),
    ],
    "MatrixProduct": size_rows(lambda k: MatrixProduct(k, 3), "rows"),
    "RankOneTensor": size_rows(lambda k: RankOneTensor((k, 2, 2)), "sizes"),
}
REGULARIZERS = {
    "BalancedWeightDecay": size_rows(BalancedWeightDecay, "layers"),
    "SumOfPowers": size_rows(SumOfPowers, "layers"),
    "PowerDecay": [Row(Kind.SETTING, "q = 2.5", lambda: PowerDecay(2.5), "pass a whole number", TypeError)],
    "PathNorm": [
        *size_rows(PathNorm, "layers"),
        Row(Kind.SETTING, "q = 0.5", lambda: PathNorm(2, 0.5), "q = 0.5", ValueError),
    ],
    "MaxNorm": [
        *inside_rows(lambda inside: MaxNorm(inside, 1.0)),
        Row(Kind.SETTING, "radius = 0", lambda: MaxNorm(SumOfSquares(), 0.0), "must be positive", ValueError),
        Row(Kind.SETTING, "radius in words", lambda: MaxNorm(SumOfSquares(), "1"), "pass a number", TypeError),
    ],
    "NonNegative": inside_rows(NonNegative),
    "OnLayers": [
        *inside_rows(lambda inside: OnLayers(inside, (0,))),
        Row(Kind.SETTING, "layers = 0", lambda: OnLayers(SumOfSquares(), 0), "a tuple of whole numbers", TypeError),
        Row(Kind.SETTING, "layer −1", lambda: OnLayers(SumOfSquares(), (-1,)), "the first one as 0", ValueError),
    ],
    "WeightedPowers": [
        Row(Kind.SETTING, "exponent 3 of degree 3", lambda: WeightedPowers((1, 3), 3), "mapping.exponents", ValueError),
        Row(Kind.SETTING, "one exponent", lambda: WeightedPowers(1, 3), "a tuple of whole numbers", TypeError),
    ],
    "ProductOfNorms": [Row(Kind.SETTING, "exponent 3", lambda: ProductOfNorms((3.0,)), "Norm.TWO", ValueError)],
    "WeightedSum": [
        *inside_rows(lambda inside: WeightedSum((inside,))),
        Row(
            Kind.SETTING, "weight 0", lambda: WeightedSum((SumOfSquares(),), (0.0,)), "one positive number", ValueError
        ),
        Row(Kind.TYPE, "no tuple", lambda: WeightedSum(SumOfSquares()), "pass a tuple", TypeError),
    ],
    "DropoutPenalty": [Row(Kind.TYPE, "a number", lambda: DropoutPenalty(2.0), "such as ReluUnit(S)", TypeError)],
}
SETTINGS = {
    "Effort": [
        Row(Kind.SETTING, "nodes = 2.5", lambda: Effort(nodes=2.5), "whole number", TypeError),
        Row(Kind.SETTING, "seconds = −1", lambda: Effort(seconds=-1), "at least 0", ValueError),
        Row(Kind.SETTING, "seconds in words", lambda: Effort(seconds="2"), "pass a number", TypeError),
        Row(Kind.SETTING, "target NaN", lambda: Effort(target=NAN), "compared with both bounds", ValueError),
    ],
    "GradientDescent": [
        *size_rows(lambda k: GradientDescent(halvings=k), "halvings"),
        Row(Kind.SETTING, "no step", lambda: GradientDescent(first_step=0.0), "must be positive", ValueError),
    ],
    "LBFGS": size_rows(lambda k: LBFGS(memory=k), "memory"),
    "NewtonCG": size_rows(lambda k: NewtonCG(inner_steps=k), "inner_steps"),
    "generator": [
        Row(Kind.SETTING, "seed −1", lambda: generator(-1, "x"), "a stream", holds=lambda g: g.initial_seed() >= 0)
    ],
}

TABLE = (
    {"certify_network": NETWORKS, "certification_cost": COSTS}
    | FUNCTIONS
    | FILES
    | LOSSES
    | MAPPINGS
    | REGULARIZERS
    | SETTINGS
)
"""The rows of every public name."""
