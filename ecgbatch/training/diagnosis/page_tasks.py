"""What each member that sees pages is trained on; see ``loop.Task``.

First traces alone, drawn from records, then printed and damaged pages among them; the labels are
those of the records, and what the members that see signals say of them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ecgbatch.models.beats import FactScale
from ecgbatch.signal.facts import FACTS
from ecgbatch.signal.frames import FRAME_HZ
from ecgbatch.training.diagnosis.kept_sheets import KeptSheets, read_sheets
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, LEARNT_FOLDS
from ecgbatch.training.diagnosis.sheets import Sheet, trace_sheet
from ecgbatch.training.diagnosis.tasks import MemberTask, both_losses
from ecgbatch.training.loop import BEST, Batch, Tensors
from ecgbatch.types import FloatArray

_TAUGHT = 0.5  # of the answer that is learnt is the teacher's
_WITHOUT_HEIGHTS = 0.1  # of what is drawn as traces: records that only tell rhythms
_DRAWINGS = 2  # of a record's traces, in other layouts
_VALID_TRACES = 200
_BATCH_VALID = 32


class PageNet(Protocol):
    """What a member that sees pages can do."""

    feature_count: int
    answer: nn.Module

    def features(self, *seen: Tensor) -> Tensor:
        """Return ``(page, feature_count)``."""
        ...


@dataclass(frozen=True)
class PageTask(MemberTask):
    """Trains one of them; it also learns to measure, because few records are labelled.

    Attributes:
        pages: Folder of sheets and of what the teacher says.
        printed: Share of a batch that is printed pages; the rest is traces alone.
        begins: Folder of a training whose best weights are begun with; None begins with none.
    """

    pages: Path = Path()
    printed: float = 0.0
    begins: Path | None = None

    inputs: ClassVar[tuple[str, ...]]
    """Names of what the network is given, in order, among what ``seen`` returns."""
    view: ClassVar[str]
    """Names what ``packed`` returns: tasks that see the same may share what was drawn."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what every process reads for itself."""
        more = {name: getattr(self, name) for name in ("pages", "printed", "begins")}
        return {**super().__getstate__(), **more}

    @abstractmethod
    def net(self) -> nn.Module:
        """Return a ``PageNet`` that knows nothing."""

    @abstractmethod
    def packed(self, sheet: Sheet, rng: np.random.Generator | None = None) -> bytes:
        """Return what is seen of a sheet, small; ``rng`` makes the errors that others make."""

    @abstractmethod
    def seen(self, packed: Sequence[bytes], rng: np.random.Generator | None = None) -> Batch:
        """Return what the network is given of some pages; ``rng`` hides and changes some of it."""

    def network(self) -> nn.Module:
        """Return the network, with the layer that measures."""
        network = Measuring(self.net(), columns=FactScale(FACTS).columns)
        if self.begins is not None:
            network.load_state_dict(load_file(self.begins / BEST))
        return network

    @cached_property
    def sheets(self) -> KeptSheets:
        """Printed pages of records that are learnt from."""
        return read_sheets(self.pages / "sheets-learnt")

    @cached_property
    def taught(self) -> FloatArray:
        """What the teacher says of each record; NaN where it says nothing."""
        with np.load(self.pages / "teacher.npz") as file:
            return np.asarray(file["probability"], np.float32)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw pages, and hide and change some of what is seen of them."""
        printed = round(self.printed * self.size) if self.printed else 0
        numbers = rng.integers(len(self.sheets), size=printed) if printed else np.zeros(0, int)
        rows = [self.number[self.sheets.record_ids[int(number)]] for number in numbers]
        seen = [self._drawn("sheet", int(number), 0) for number in numbers]
        learnt = self.labelled.of_folds(LEARNT_FOLDS)
        whole = self.labelled.has_amplitude[learnt]
        for _ in range(self.size - printed):
            few = rng.random() < _WITHOUT_HEIGHTS and not whole.all()
            rows.append(int(rng.choice(learnt[~whole if few else whole])))
            seen.append(self._drawn("traces", rows[-1], int(rng.integers(_DRAWINGS))))
        holds = self.truth.holds[rows].astype(np.float32)
        taught = self.taught[rows]
        mixed = (1 - _TAUGHT) * holds + _TAUGHT * np.nan_to_num(taught)
        values, measured = self.whole_facts
        return {
            **self.seen(seen, rng),
            "facts": values[rows],
            "measured": measured[rows],
            "holds": np.where(np.isfinite(taught), mixed, holds).astype(np.float32),
            "known": self.truth.known[rows].astype(np.float32),
        }

    def _drawn(self, kind: str, number: int, drawing: int) -> bytes:
        key = f"{self.view} of {kind} {number}, {drawing}"
        if key not in self.drawn:
            rng = np.random.default_rng((number, drawing))
            sheet = self.sheets[number] if kind == "sheet" else self._traces(number, rng)
            self.drawn[key] = self.packed(sheet, rng)
        return self.drawn[key]

    def _traces(self, row: int, rng: np.random.Generator) -> Sheet:
        signal = self.labelled.signal_mv[row].astype(np.float32)
        if not self.labelled.has_amplitude[row]:
            signal *= np.exp(rng.normal(0, 0.4, (len(signal), 1))).astype(np.float32)
        return trace_sheet(signal, rng, fs_hz=FRAME_HZ, record_id=int(self.labelled.record_id[row]))

    def loss(self, network: nn.Module, batch: Tensors) -> tuple[Tensor, Mapping[str, float]]:
        """Return the cross entropy, and how far off the facts are."""
        with torch.autocast(batch["holds"].device.type, torch.bfloat16):
            logits, facts = network(*(batch[name] for name in self.inputs))
        return both_losses(logits, facts, batch)

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return macro AUROCs of fold 8: traces alone, and printed pages."""
        network.eval()
        figures: dict[str, float] = {}
        for kind, (rows, packed) in (("traces", self._valid_traces), ("pages", self._valid_pages)):
            if len(rows):
                logits = self.logits(network, packed, device=device)
                figures |= {
                    f"{key}_{kind}": value for key, value in self.score(logits, rows).items()
                }
        figures["score"] = (
            figures.get("score_pages", 0.0) if self.printed else figures["score_traces"]
        )
        return figures

    @torch.inference_mode()
    def logits(
        self, network: nn.Module, packed: Sequence[bytes], *, device: torch.device
    ) -> FloatArray:
        """Return ``(page, target)`` logits of what ``packed`` gave."""
        found = []
        for first in range(0, len(packed), _BATCH_VALID):
            seen = self.seen(packed[first : first + _BATCH_VALID])
            given = (torch.from_numpy(seen[name]).to(device) for name in self.inputs)
            found.append(network(*given)[0].float().cpu().numpy())
        return np.concatenate(found)

    @cached_property
    def _valid_traces(self) -> tuple[npt.NDArray[np.intp], list[bytes]]:
        rows = self.labelled.of_folds({CHOSEN_FOLD})
        rows = rows[self.labelled.has_amplitude[rows]][:_VALID_TRACES]
        rngs = [np.random.default_rng((int(row), _DRAWINGS)) for row in rows]
        drawn = (self._traces(int(row), rng) for row, rng in zip(rows, rngs, strict=True))
        return rows, [self.packed(each) for each in drawn]

    @cached_property
    def _valid_pages(self) -> tuple[npt.NDArray[np.intp], list[bytes]]:
        sheets = read_sheets(self.pages / "sheets-chosen")
        rows = np.array([self.number[each] for each in sheets.record_ids], np.intp)
        return rows, [self.packed(sheets[number]) for number in range(len(sheets))]


class Measuring(nn.Module):
    """A network with a layer that tells facts from the same features."""

    def __init__(self, net: nn.Module, *, columns: int) -> None:
        super().__init__()
        self.net = net
        self.facts = nn.Linear(cast(PageNet, net).feature_count, columns)

    def forward(self, *seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of targets, and facts."""
        net = cast(PageNet, self.net)
        features = torch.nan_to_num(net.features(*seen))
        return net.answer(features), self.facts(features)
