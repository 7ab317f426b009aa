"""The polar of one hidden ReLU layer for data of rank at most 3, exactly."""

from .maximum import ReluPolar, maximisers, polar_in_time, relu_polar

__all__ = ["ReluPolar", "maximisers", "polar_in_time", "relu_polar"]
