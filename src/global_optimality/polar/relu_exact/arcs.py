"""Maxima of f(u) = ‖Qᵀ(Su)₊‖ on the arcs of an arrangement, where its square is a sinusoid of 2t."""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from ...arrangement import Arrangement
from .strata import EPS, NEAR, TINY, Folded, Place, Walk, batches, gradient, pattern


@dataclass(frozen=True)
class Moments:
    """B Bᵀ on arcs, in the plane of the circle: ‖Bᵀu(t)‖² = mean + half cos 2t + mixed sin 2t."""

    mean: Tensor
    half: Tensor
    mixed: Tensor

    @staticmethod
    def of(first: Tensor, second: Tensor) -> "Moments":
        """From the rows of B along e₁ and e₂, each (..., c, K)."""
        p, r = first.square().sum(-2), second.square().sum(-2)
        return Moments((p + r) / 2, (p - r) / 2, (first * second).sum(-2))

    def __getitem__(self, index: tuple[Tensor, ...]) -> "Moments":
        return Moments(self.mean[index], self.half[index], self.mixed[index])

    def top(self) -> Tensor:
        """Largest value of the square over the whole circle."""
        return self.mean + (self.half.square() + self.mixed.square()).sqrt()

    def at(self, t: Tensor) -> Tensor:
        """The square at t; off by up to 8 eps mean, much where it is small."""
        return self.mean + self.half * torch.cos(2 * t) + self.mixed * torch.sin(2 * t)

    def slope(self, t: Tensor) -> Tensor:
        """Half the derivative by t, over the mean."""
        slope = self.mixed * torch.cos(2 * t) - self.half * torch.sin(2 * t)
        return slope / self.mean.clamp_min(TINY)

    def may_exceed(self, floor: float, start: Tensor, width: Tensor) -> Tensor:
        """Where the value may be above `floor` on the arc from `start`: its slope is at most √(2 mean)."""
        least = (floor - (2 * self.mean).sqrt() * width).clamp_min(0)
        return self.at(start) + 16 * EPS * self.mean >= least.square()

    def peak(self, start: Tensor, width: Tensor) -> Tensor:
        """Offset from `start` of the largest value over start ≤ t < start + width, 0 if it is not a peak.

        The end belongs to the next arc.
        """
        offset = torch.remainder(torch.atan2(self.mixed, self.half) / 2 - start, pi)
        inside = (offset <= width) & (self.top() > self.at(start))
        return torch.where(inside, offset, 0.0)


def arc_maxima(
    arrangement: Arrangement, steps: Walk, chunk: slice, floor: float
) -> tuple[Place, Tensor, Tensor, Tensor]:
    """The m arcs of the chunk whose largest value may exceed `floor`.

    Returns their places, that value or a little more, its offset, and whether f has a local maximum along the
    circle there: a peak, or a vertex from which both arcs fall.
    """
    moments = Moments.of(steps.B[:, :, 0], steps.B[:, :, 1])
    index = moments.may_exceed(floor, arrangement.angle[chunk], arrangement.width(chunk)).nonzero(as_tuple=True)
    antipode, circle, arc = index
    start, width = arrangement.angle[chunk][circle, arc], arrangement.width(chunk)[circle, arc]
    here = moments[index]
    offset = here.peak(start, width)
    value = (torch.where(offset > 0, here.top(), here.at(start)) + 16 * EPS * here.mean).sqrt()
    before = (
        torch.where(arc > 0, antipode, 1 - antipode),
        circle,
        torch.remainder(arc - 1, steps.sign.shape[1]),
    )
    vertex = (here.slope(start) <= NEAR) & (moments[before].slope(start) >= -NEAR)
    high = value > floor
    place = Place(circle + chunk.start, arc, 1 - 2 * antipode, torch.zeros_like(arc))
    return place[high], value[high], offset[high], ((offset > 0) | vertex)[high]


def on_arc(arrangement: Arrangement, place: Place, offset: Tensor) -> Tensor:
    """Points u (m, 3) at the given offsets along arcs."""
    t = arrangement.angle[place.circle, place.arc] + offset
    frame = arrangement.frames[place.circle]
    return place.flip[:, None] * (t.cos()[:, None] * frame[:, 0] + t.sin()[:, None] * frame[:, 1])


def arcs_afresh(arrangement: Arrangement, folded: Folded, place: Place) -> tuple[Tensor, Tensor]:
    """Largest value and its offset on the given arcs, with B summed afresh; each (m,)."""
    value, offset = [], []
    for rows in batches(arrangement, folded, len(place)):
        here = place[rows]
        B = gradient(arrangement, folded, pattern(arrangement, here))
        first, second = (arrangement.frames[here.circle, :2] @ B).unbind(1)
        start = arrangement.angle[here.circle, here.arc]
        width = arrangement.width(here.circle).gather(1, here.arc[:, None]).squeeze(1)
        at = Moments.of(first[..., None], second[..., None]).peak(start[:, None], width[:, None])
        t = start[:, None] + at
        value.append((first * t.cos() + second * t.sin()).norm(dim=1))
        offset.append(at[:, 0])
    return torch.cat(value), torch.cat(offset)
