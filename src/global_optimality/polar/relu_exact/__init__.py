"""The polar of one hidden ReLU layer for data of rank at most 3, exactly."""

from .maximum import ReluPolar, maximisers, relu_polar

__all__ = ["ReluPolar", "maximisers", "relu_polar"]
