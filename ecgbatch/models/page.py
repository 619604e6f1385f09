"""The members that see a page and need none of its samples; see ``docs/models/page.md``.

All of them are one file of weights. What they say is numbers, target by target, so that pixels stay
with the worker that has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ecgbatch.models.card import ModelCard, load_weights, read_card
from ecgbatch.models.devices import device_of
from ecgbatch.models.folding import channels_together, folded
from ecgbatch.models.members import PAGE_MEMBERS
from ecgbatch.models.strips import StripFarNet, StripPatchNet, StripRowNet
from ecgbatch.models.vocabularies import targets
from ecgbatch.types import ByteArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PageSeen:
    """What the members are given of one page.

    Attributes:
        ink: ``(frame, 12, row, column)`` uint8 of its leads, cut out as strips of ten seconds.
        shown: ``(frame, 12, column)`` where a lead is printed.
    """

    ink: ByteArray
    shown: npt.NDArray[np.bool_]


class PageDiagnosis(nn.Module):
    """The three members.

    Attributes:
        patches: Sees leads in patches of a second.
        rows: Sees them in rows of 2.5 s.
        far: Sees them in rows of 5 s, from further away.
    """

    def __init__(self) -> None:
        super().__init__()
        answers = len(targets())
        self.patches = StripPatchNet(answers)
        self.rows = StripRowNet(answers)
        self.far = StripFarNet(answers)

    @torch.inference_mode()
    def logits(self, pages: Sequence[PageSeen]) -> FloatArray:
        """Ask every member about pages, in one batch each.

        Returns:
            ``(page, member, target)`` logits; NaN where a member sees nothing of a page.
        """
        device = device_of(self)
        found = np.full((len(pages), len(PAGE_MEMBERS), len(targets())), np.nan, np.float32)
        if not pages:
            return found
        counts = [len(page.ink) for page in pages]
        if not sum(counts):
            return found
        ink = torch.from_numpy(np.concatenate([page.ink for page in pages])).to(device)
        shown = torch.from_numpy(np.concatenate([page.shown for page in pages])).to(device)
        seen = shown.sum(dim=(1, 2)).float()[:, None]
        for place, member in enumerate((self.patches, self.rows, self.far)):
            each = torch.sigmoid(member(ink, shown))
            first = 0
            for number, count in enumerate(counts):
                here = slice(first, first + count)
                first += count
                if count:
                    mean: Tensor = (each[here] * seen[here]).sum(dim=0) / seen[here].sum()
                    found[number, place] = torch.logit(mean, 1e-6).cpu().numpy()
        return found


def open_page_diagnosis(
    card_path: Path, *, device: torch.device
) -> tuple[PageDiagnosis, ModelCard]:
    """Load the members with the weights of a card.

    Args:
        card_path: Its weights stand beside it.
        device: That they compute on.

    Raises:
        ConfigError: Card or weights are missing, or belong to another version.
        ChecksumError: The weights are not those that the card was written for.
    """
    card = read_card(card_path)
    network = PageDiagnosis()
    load_weights(network, card, card_path.with_suffix(".safetensors"))
    return channels_together(folded(network.eval())).to(device), card
