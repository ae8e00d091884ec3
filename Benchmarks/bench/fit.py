"""Least squares: how a cost grows with a size."""

import math
from dataclasses import dataclass


@dataclass
class Power:
    """cost = factor × size ^ exponent, fitted on logarithms; `r2` is the share of their variance that it explains."""

    factor: float
    exponent: float
    r2: float

    def at(self, size: float) -> float:
        return self.factor * size**self.exponent


@dataclass
class Line:
    """cost = constant + slope × size."""

    constant: float
    slope: float
    r2: float

    def at(self, size: float) -> float:
        return self.constant + self.slope * size


def line(points: list[tuple[float, float]]) -> Line:
    count = len(points)
    x_mean, y_mean = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    variance = sum((x - x_mean) ** 2 for x, _ in points)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in points) / variance
    constant = y_mean - slope * x_mean
    total = sum((y - y_mean) ** 2 for _, y in points)
    rest = sum((y - constant - slope * x) ** 2 for x, y in points)
    # Where nothing varies there is nothing to explain.
    return Line(constant, slope, 1 - rest / total if total > 1e-12 else 1.0)


def power(points: list[tuple[float, float]]) -> Power:
    logs = line([(math.log(x), math.log(max(y, 1e-9))) for x, y in points])
    return Power(math.exp(logs.constant), logs.slope, logs.r2)
