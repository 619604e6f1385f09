"""What the trained members that see pages say of sheets, for the fit of the ensemble."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from ecgbatch.imaging.lead_strips import STRIP_HZ, cut_strips
from ecgbatch.models.diagnosis import FULL_S
from ecgbatch.models.members import PAGE_MEMBERS, SIGNAL_MEMBERS
from ecgbatch.models.page import PageDiagnosis, PageSeen
from ecgbatch.training.diagnosis.fit import Asked
from ecgbatch.training.diagnosis.kept_sheets import KeptSheets
from ecgbatch.training.diagnosis.records import Labelled
from ecgbatch.training.diagnosis.sheets import SHEET_PX_PER_MM, Sheet
from ecgbatch.training.loop import BEST

_PAGES_AT_ONCE = 16


def assembled_pages(folder: Path) -> PageDiagnosis:
    """Put the best weights of every trained member that sees pages together.

    Args:
        folder: With a folder for the last stage of each member.
    """
    network = PageDiagnosis()
    for name in PAGE_MEMBERS:
        tensors = load_file(folder / f"{name}-longer" / BEST)
        member: nn.Module = getattr(network, name)
        member.load_state_dict(
            {
                key.removeprefix("net."): value
                for key, value in tensors.items()
                if key.startswith("net.")
            }
        )
    return network.eval()


def seen_of(sheet: Sheet) -> PageSeen:
    """Return what the members see of a sheet, as the stage ``glance`` gives it to them."""
    strips = cut_strips(
        sheet.pixels,
        sheet.regions,
        px_per_mm=SHEET_PX_PER_MM,
        speed_mm_per_s=sheet.speed_mm_per_s,
        gain_mm_per_mv=sheet.gain_mm_per_mv,
    )
    return PageSeen(strips.ink, strips.shown)


def ask_pages(network: PageDiagnosis, labelled: Labelled, sheets: KeptSheets) -> Asked:
    """Ask all members that see pages about sheets.

    Args:
        network: The members.
        labelled: Records, those of the sheets among them.
        sheets: Of any folds.
    """
    place = {int(number): row for row, number in enumerate(labelled.record_id)}
    logits, shares = [], []
    for first in range(0, len(sheets), _PAGES_AT_ONCE):
        stop = min(first + _PAGES_AT_ONCE, len(sheets))
        seen = [seen_of(sheets[number]) for number in range(first, stop)]
        logits.append(torch.from_numpy(network.logits(seen)).transpose(0, 1))
        shares += [float(each.shown.sum()) / STRIP_HZ / FULL_S for each in seen]
    pages = torch.cat(logits, dim=1)
    unread = pages.new_full((len(SIGNAL_MEMBERS), *pages.shape[1:]), float("nan"))
    return Asked(
        torch.cat([unread, pages]),
        torch.tensor(shares).clamp(max=1.0),
        np.array([place[each] for each in sheets.record_ids], np.intp),
        np.array(sheets.layouts, np.str_),
    )
