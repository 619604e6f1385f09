"""Members that see leads cut out of a page as strips of ink; see ``imaging.lead_strips``.

A strip has as many rows as a column of ink has pixels, and a layer takes a column as it takes the
samples of as many leads: from there on, both networks are one-dimensional. Nothing is traced.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbatch.models.patches import LEAD_COUNT, AttentionBlock, packed_tokens, pooled_tokens

ROWS = 64
COLUMNS = 800
_FULL = 200.0
PATCH_COLUMNS, PATCH_STEP = 80, 64  # a second; each overlaps the next by 0.2 s
WINDOW_COLUMNS = 200  # 2.5 s, as wide as the columns of most pages


class StripPatchNet(nn.Module):
    """Attention between patches of a second of every lead.

    ``forward`` takes ``(page, 12, ROWS, COLUMNS)`` uint8 and ``(page, 12, COLUMNS)`` bool as
    ``cut_strips`` gives them, and returns ``(page, answer)`` logits; NaN for a page of which
    nothing is shown.
    """

    def __init__(
        self,
        answers: int,
        *,
        width: int = 96,
        layers: int = 2,
        heads: int = 6,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(ROWS + 1, 64, size=5, step=2),
            _conv(64, 64, size=5, step=2),
            _conv(64, 80, size=3, step=2),
        )
        self.token = nn.Linear(80 * (PATCH_COLUMNS // 8), width)
        self.lead = nn.Parameter(torch.randn(LEAD_COUNT, width) * 0.02)
        self.time = nn.Parameter(torch.randn(-(-COLUMNS // PATCH_STEP), width) * 0.02)
        self.blocks = nn.ModuleList(AttentionBlock(width, heads, dropout) for _ in range(layers))
        self.last = nn.LayerNorm(width)
        self.feature_count = 2 * width
        self.answer = nn.Sequential(nn.Dropout(3 * dropout), nn.Linear(self.feature_count, answers))

    def forward(self, ink: Tensor, shown: Tensor) -> Tensor:
        """Return the logits."""
        return answered(self.answer, self.features(ink, shown))

    def features(self, ink: Tensor, shown: Tensor) -> Tensor:
        """Return ``(page, feature_count)``, NaN where nothing is shown."""
        patches, visible = _windows(ink, shown, size=PATCH_COLUMNS, step=PATCH_STEP)
        tokens = self.token(self.stem(patches).flatten(1))
        place = (self.lead[:, None] + self.time[None]).flatten(0, 1)
        tokens = tokens + place.expand(len(visible), -1, -1)[visible]
        packed, held = packed_tokens(tokens, visible)
        for block in self.blocks:
            packed = block(packed, held)
        return pooled_tokens(self.last(packed), held)


class StripRowNet(nn.Module):
    """Convolutions along some seconds of every lead, gathered lead by lead.

    ``forward`` is that of ``StripPatchNet``.
    """

    def __init__(
        self,
        answers: int,
        *,
        window: int = WINDOW_COLUMNS,
        far: int = 1,
        width: int = 96,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.window, self.far = window, far
        self.along = nn.Sequential(
            _conv(ROWS // far + 1, 64, size=7, step=2),
            _conv(64, 64, size=5, step=2),
            _Residual(64, size=5),
            _conv(64, width, size=5, step=2),
            _Residual(width, size=5),
        )
        self.tell = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU())
        self.feature_count = 192
        self.gather = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(LEAD_COUNT * (width + 1) + 2 * width, self.feature_count),
            nn.ReLU(),
        )
        self.answer = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.feature_count, answers))

    def forward(self, ink: Tensor, shown: Tensor) -> Tensor:
        """Return the logits."""
        return answered(self.answer, self.features(ink, shown))

    def features(self, ink: Tensor, shown: Tensor) -> Tensor:
        """Return ``(page, feature_count)``, NaN where nothing is shown."""
        windows, visible = _windows(ink, shown, size=self.window, step=self.window)
        if self.far > 1:
            drawn = functional.avg_pool2d(windows[:, None, :-1], self.far)[:, 0]
            windows = torch.cat([drawn, functional.avg_pool1d(windows[:, -1:], self.far)], dim=1)
        seen = self.along(windows)
        each = self.tell(torch.cat([seen.mean(dim=2), seen.amax(dim=2)], dim=1))
        cells = each.new_zeros(*visible.shape, each.shape[1])
        cells[visible] = each
        by_lead = cells.view(len(cells), LEAD_COUNT, -1, each.shape[1])
        there = visible.view(len(visible), LEAD_COUNT, -1).to(each.dtype)
        count = there.sum(dim=2)
        leads = by_lead.sum(dim=2) / count.clamp(min=1)[..., None]
        whole = count.sum(dim=1, keepdim=True)
        mean, most = cells.sum(dim=1) / whole.clamp(min=1), cells.amax(dim=1)
        features: Tensor = self.gather(
            torch.cat([leads.flatten(1), (count > 0).to(each.dtype), mean, most], dim=1)
        )
        return torch.where(whole > 0, features, float("nan"))


class StripFarNet(StripRowNet):
    """The same along twice as much time, from twice as far: columns and rows are averaged."""

    def __init__(self, answers: int) -> None:
        super().__init__(answers, window=2 * WINDOW_COLUMNS, far=2)


def answered(answer: nn.Module, features: Tensor) -> Tensor:
    """Return the logits of features; NaN where features are."""
    nothing = features[:, :1].isnan()
    logits: Tensor = answer(torch.nan_to_num(features))
    return torch.where(nothing, float("nan"), logits)


def _windows(ink: Tensor, shown: Tensor, *, size: int, step: int) -> tuple[Tensor, Tensor]:
    """Return ``(window, ROWS + 1, size)`` of what is shown, and ``(page, window)`` which are."""
    count = -(-COLUMNS // step)
    beyond = (count - 1) * step + size - COLUMNS
    there = functional.pad(shown, (0, beyond)).unfold(2, size, step)  # page, lead, window, column
    visible = there.any(dim=-1)
    pieces = functional.pad(ink, (0, beyond)).unfold(3, size, step)  # page, lead, row, window, col
    drawn = pieces.transpose(2, 3)[visible].float() / _FULL
    mask = there[visible]
    return torch.cat([drawn * mask[:, None], mask[:, None].float()], dim=1), visible.flatten(1)


def _conv(inputs: int, outputs: int, *, size: int, step: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, size, stride=step, padding=size // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int, *, size: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels, size=size)
        self.second = nn.Sequential(
            nn.Conv1d(channels, channels, size, padding=size // 2, bias=False),
            nn.BatchNorm1d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))
