"""The member that sees samples: patches of leads at their true times, whatever was printed.

After the idea of PatchECG (a digitized page is samples with a mask of what was printed, and needs
no filling), built so that the mask holds everywhere: a patch without a visible sample is no token
at all, one that is visible in part carries its mask, and what is invisible is set to zero before
anything else looks at it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAD_COUNT = 12
PATCH_STEP = 80  # samples at 100 Hz
PATCH_SAMPLES = 100  # each overlaps the next by 0.2 s, so that every QRS complex is whole in one
_TALLEST_MV = 6.0
_PER_MV = 2.0  # brings usual heights to the order of 1


class PatchNet(nn.Module):
    """A convolutional stem for each patch, attention between patches, and one layer per answer.

    ``forward`` takes ``(record, 12, sample)`` millivolts at 100 Hz, at most ``longest`` samples,
    NaN where nothing is known, and returns ``(record, answer)`` logits.
    """

    def __init__(
        self,
        answers: int,
        *,
        width: int = 96,
        layers: int = 3,
        heads: int = 6,
        longest: int = 1000,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(2, 24, size=7),
            _conv(24, 40, size=5),
            _conv(40, 64, size=5),
            _conv(64, 80, size=3),
        )
        stem_samples = -(-PATCH_SAMPLES // 2**4)
        self.token = nn.Linear(80 * stem_samples, width)
        self.lead = nn.Parameter(torch.randn(LEAD_COUNT, width) * 0.02)
        self.time = nn.Parameter(torch.randn(-(-longest // PATCH_STEP), width) * 0.02)
        self.blocks = nn.ModuleList(AttentionBlock(width, heads, dropout) for _ in range(layers))
        self.last = nn.LayerNorm(width)
        self.feature_count = 2 * width
        self.answer = nn.Sequential(nn.Dropout(2 * dropout), nn.Linear(self.feature_count, answers))

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Return the logits; NaN for a record of which nothing is visible."""
        seen = self.features(signal_mv)
        answers: Tensor = self.answer(torch.nan_to_num(seen))
        return torch.where(seen[:, :1].isnan(), seen[:, :1], answers)

    def features(self, signal_mv: Tensor) -> Tensor:
        """Return ``(record, 2 width)``: mean and maximum over tokens, NaN where there is none."""
        patches = _patches(signal_mv)
        known = torch.isfinite(patches)
        visible = known.any(dim=-1)  # (record, token)
        shown = torch.where(known, patches, 0.0)[visible]
        height = torch.clamp(shown, -_TALLEST_MV, _TALLEST_MV) * _PER_MV
        pair = torch.stack([height, known[visible].to(height.dtype)], dim=1)
        place = (self.lead[:, None] + self.time[None, : visible.shape[1] // LEAD_COUNT]).flatten(
            0, 1
        )
        tokens = self.token(self.stem(pair).flatten(1))
        tokens = tokens + place.expand(len(visible), -1, -1)[visible]
        packed, held = packed_tokens(tokens, visible)
        for block in self.blocks:
            packed = block(packed, held)
        return pooled_tokens(self.last(packed), held)


def _conv(inputs: int, outputs: int, *, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, size, stride=2, padding=size // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
    )


def _patches(signal_mv: Tensor) -> Tensor:
    """Return ``(record, token, PATCH_SAMPLES)``, a lead's patches after each other."""
    count = -(-signal_mv.shape[2] // PATCH_STEP)
    beyond = (count - 1) * PATCH_STEP + PATCH_SAMPLES - signal_mv.shape[2]
    ends = functional.pad(signal_mv, (0, beyond), value=float("nan"))
    return ends.unfold(2, PATCH_SAMPLES, PATCH_STEP).flatten(1, 2)


def packed_tokens(tokens: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Put the visible tokens of each record side by side.

    Returns:
        ``(record, most visible, width)`` tokens, and ``(record, most visible)`` which of them are
        there.
    """
    count = visible.sum(dim=1)
    most = max(int(count.max()) if len(count) else 0, 1)
    held = torch.arange(most, device=tokens.device)[None] < count[:, None]
    packed = tokens.new_zeros(len(visible), most, tokens.shape[-1])
    packed[held] = tokens
    return packed, held


def pooled_tokens(packed: Tensor, held: Tensor) -> Tensor:
    """Return ``(record, 2 width)``: mean and maximum over tokens, NaN where there is none.

    Arguments are what ``packed_tokens`` returns.
    """
    count = held.sum(dim=1, keepdim=True)
    mean = torch.where(held[..., None], packed, 0.0).sum(dim=1) / count
    most = torch.where(held[..., None], packed, float("-inf")).amax(dim=1)
    return torch.where(count > 0, torch.cat([mean, most], dim=1), float("nan"))


class AttentionBlock(nn.Module):
    """Attention between the tokens that are there, then two layers for each."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.tell = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.think = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(3 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, held: Tensor) -> Tensor:
        """Return ``(record, token, width)`` of the same; ``held`` tells which tokens there are."""
        records, count, width = tokens.shape
        asked = self.ask(self.before(tokens)).view(records, count, 3, self.heads, -1)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        # A record without tokens would divide by nothing; its answer is NaN in the end.
        allowed = (held | ~held.any(dim=1, keepdim=True))[:, None, None]
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        tokens = tokens + self.drop(self.tell(found.transpose(1, 2).reshape(records, count, width)))
        thought: Tensor = self.drop(self.think(self.between(tokens)))
        return tokens + thought
