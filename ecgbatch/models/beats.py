"""The members that see what was measured: facts as numbers, and the usual beat of each lead.

Both take NaN for what a page does not show, and are trained with much of it left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_CLIP = 4.0  # standard deviations
_TALL_MV = 1.0  # heights up to it count as they are, beyond it as their logarithm


class FactScale(nn.Module):
    """Facts around their medians in units of their spread, angles as sine and cosine.

    ``forward`` takes ``(page, fact)``, NaN where not measurable, and returns ``(page, column)``
    values, 0 where not known, and which are known. Columns are the facts, then the sines and
    cosines of the angles.

    Attributes:
        median: ``(fact,)``.
        spread: ``(fact,)``.
    """

    median: Tensor
    spread: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._angles = [place for place, name in enumerate(names) if name.endswith("_deg")]
        self.register_buffer("median", torch.zeros(len(names)))
        self.register_buffer("spread", torch.ones(len(names)))
        self.columns = len(names) + 2 * len(self._angles)

    def fit(self, facts: Tensor) -> None:
        """Take medians and spreads from facts, ``(page, fact)``."""
        self.median.copy_(torch.nan_to_num(facts.nanmedian(dim=0).values))
        low, high = torch.nanquantile(facts, torch.tensor([0.1, 0.9]), dim=0)
        self.spread.copy_(torch.nan_to_num(high - low).clamp(min=1e-3) / 2.56)

    def forward(self, facts: Tensor) -> tuple[Tensor, Tensor]:
        """Return values and whether they are known."""
        known = torch.isfinite(facts)
        values = torch.where(known, (facts - self.median) / self.spread, 0.0)
        angle = torch.deg2rad(torch.where(known, facts, 0.0)[:, self._angles])
        there = known[:, self._angles]
        turned = [torch.where(there, part, 0.0) for part in (angle.sin(), angle.cos())]
        values = torch.cat([values.clamp(-_CLIP, _CLIP), *turned], dim=1)
        return values, torch.cat([known, there, there], dim=1)


class FactsNet(nn.Module):
    """Three small networks of two layers on facts, their logits averaged.

    ``forward`` takes ``(page, fact)``, NaN where not measurable, and returns ``(page, answer)``
    logits.
    """

    def __init__(self, names: Sequence[str], answers: int, *, width: int = 160) -> None:
        super().__init__()
        self.scale = FactScale(names)
        columns = 2 * self.scale.columns
        self.nets = nn.ModuleList(
            nn.Sequential(
                nn.Linear(columns, width), nn.ReLU(), nn.Dropout(0.4),
                nn.Linear(width, width // 2), nn.ReLU(), nn.Dropout(0.3),
                nn.Linear(width // 2, answers),
            )
            for _ in range(3)
        )  # fmt: skip

    def forward(self, facts: Tensor) -> Tensor:
        """Return the logits."""
        return self.each(facts).mean(dim=0)

    def each(self, facts: Tensor) -> Tensor:
        """Return ``(net, page, answer)`` logits of each of them."""
        values, known = self.scale(facts)
        columns = torch.cat([values, known.to(values.dtype)], dim=1)
        return torch.stack([net(columns) for net in self.nets])


class ShapesNet(nn.Module):
    """A convolutional network along the usual beats of twelve leads.

    ``forward`` takes ``(page, 12, sample)`` millivolts, NaN where not shown, and returns
    ``(page, answer)`` logits.
    """

    def __init__(self, answers: int, *, samples: int = 80) -> None:
        super().__init__()
        self.along = nn.Sequential(
            _conv(36, 64, size=7), _conv(64, 64, size=5, step=2), _conv(64, 96, size=5),
            _conv(96, 96, size=5, step=2),
        )  # fmt: skip
        self.answer = nn.Sequential(
            nn.Dropout(0.4), nn.Linear(96 * (samples // 4), 128), nn.ReLU(), nn.Dropout(0.4),
            nn.Linear(128, answers),
        )  # fmt: skip

    def forward(self, shapes_mv: Tensor) -> Tensor:
        """Return the logits."""
        known = torch.isfinite(shapes_mv)
        height = torch.where(known, shapes_mv, 0.0)
        # Small waves matter as much as tall ones: they are also shown as if seen through a lens.
        small = torch.tanh(5 * height)
        tall = torch.sign(height) * torch.log1p(height.abs() / _TALL_MV)
        pictures = torch.cat([tall, small, known.to(height.dtype)], dim=1)
        logits: Tensor = self.answer(self.along(pictures).flatten(1))
        return logits


def _conv(inputs: int, outputs: int, *, size: int, step: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, size, stride=step, padding=size // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
    )
