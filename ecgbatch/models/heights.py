"""From distributions over heights to one trace, its spread, and the certainty that it is there."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_AROUND_PX = 12  # above and below the path; distributions are wide where the trace is steep
_PER_ROW = 0.04  # cost of a row that the path leaps, in nats; from 0.02 to 0.08 little changes
_LEAST_SHARE = 6e-6  # of a step, 12 nats: no single one may force the path elsewhere
_NOTHING = 1e-6


def read_heights(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Read the likeliest trace out of distributions over heights.

    The trace is the path through all steps that the distributions and the distance that it has to
    go make likeliest (Viterbi 1967); step by step, the likeliest row would leap to a neighbour
    wherever two traces cross. Its height is the mean of the distribution around the path.

    Args:
        logits: ``(window, step, row + 1)``, the last one *absent*; rows and steps are even numbers.

    Returns:
        ``(window, step)`` height in rows, its spread (one standard deviation) and the certainty
        that there is a trace; NaN, NaN and 0 where a logit is not a number.
    """
    share = logits.softmax(dim=-1)
    known = torch.isfinite(share[..., -1])  # one number that is none spoils the whole step
    there = torch.where(known, 1 - share[..., -1], 0.0)
    share = share if known.all() else torch.nan_to_num(share, nan=0.0)
    path = _likeliest_path(share[..., :-1], there).to(logits.device)
    rows = path[..., None] + torch.arange(-_AROUND_PX, _AROUND_PX + 1, device=logits.device)
    inside = (rows >= 0) & (rows < logits.shape[-1] - 1)
    part = share.gather(-1, rows.clamp(0, logits.shape[-1] - 2)) * inside
    mass = part.sum(dim=-1)
    weights = part / mass[..., None].clamp_min(1e-9)
    mean = torch.where(mass > _NOTHING, (weights * rows).sum(dim=-1), path.to(share.dtype))
    spread = (weights * (rows - mean[..., None]) ** 2).sum(dim=-1).clamp_min(0).sqrt()
    return mean.masked_fill_(~known, torch.nan), spread.masked_fill_(~known, torch.nan), there


def _likeliest_path(share: Tensor, there: Tensor) -> Tensor:
    """Return ``(window, step)`` rows of the cheapest path; a distance costs by its length.

    Looked for on squares of two rows and two steps. With a cost by length, the cheapest way to
    every row is found by one running minimum downwards and one upwards (Felzenszwalb and
    Huttenlocher 2012).
    """
    windows, _, rows = share.shape
    two_steps = share[:, 0::2] + share[:, 1::2]
    pooled = (two_steps[..., 0::2] + two_steps[..., 1::2]) / 2
    known = ((there[:, 0::2] + there[:, 1::2]) / 2)[..., None]
    cost = -(pooled / known.clamp_min(_NOTHING)).clamp_min(_LEAST_SHARE).log() * known
    # (step, window, row), summed up in place
    paid = np.ascontiguousarray(cost.permute(1, 0, 2).float().cpu().numpy())
    place = np.arange(rows // 2, dtype=np.float32)
    slope = np.float32(2 * _PER_ROW)
    ramp = slope * place
    for step in range(1, len(paid)):
        before = paid[step - 1]
        below = np.minimum.accumulate(before - ramp, axis=1) + ramp
        above = np.minimum.accumulate((before + ramp)[:, ::-1], axis=1)[:, ::-1] - ramp
        paid[step] += np.minimum(below, above)
    path = np.empty((windows, len(paid)), np.int64)
    path[:, -1] = paid[-1].argmin(axis=1)
    for step in range(len(paid) - 2, -1, -1):
        way = slope * np.abs(place - path[:, step + 1, None].astype(np.float32))
        path[:, step] = (paid[step] + way).argmin(axis=1)
    return torch.from_numpy(path).repeat_interleave(2, dim=1) * 2
