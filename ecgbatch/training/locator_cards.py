"""What the cards of the locator and the reader say, and their weights as they are shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from ecgbatch.models import locator, reader
from ecgbatch.models.card import InputContract, Measured, ModelCard, write_model

_LICENCE = "Apache-2.0"
_DATA = (
    "pages drawn by ecgbatch.training.pages: records of PTB-XL, folds 1 to 8 (Wagner et al. 2020, "
    "PhysioNet, CC BY 4.0), and of the simulator, in every layout but 4x3, 4x3+1R and 3x5, and in "
    "invented ones"
)
_COMMANDS = {
    "locator": (
        "python jobs/train_locator.py runs/read --records ptbxl --fonts FOLDER --pages 1600 "
        "--steps 4500 --local; python jobs/train_locator.py runs/locate --records ptbxl --fonts "
        "FOLDER --pages 1785 --steps 1900 --rate 1.5e-3 --start runs/read --only locator --local; "
        "python jobs/train_locator.py runs/longer --records ptbxl --fonts FOLDER --pages 2900 "
        "--steps 4300 --rate 1.5e-3 --start runs/locate --only locator --local"
    ),
    "reader": (
        "python jobs/train_locator.py runs/read --records ptbxl --fonts FOLDER --pages 1600 "
        "--reader-steps 2500 --local"
    ),
}
_FAILURES = {
    "locator": (
        (
            "Starts and ends are exact to 0.3 mm in the median and to 0.5 mm on 0.59 of them: "
            "where geometry finds the same traces, its ends are taken."
        ),
        (
            "It knows whether a page lies right, and hardly in which way another one is wrong: a "
            "page is turned by looking at it laid in several ways. A page from behind looks right "
            "to it now and then."
        ),
        (
            "Borders between columns are seen on rhythm rows, too, about half as likely; the other "
            "rows tell them apart."
        ),
        "Names of 8-point type and below, as on the smallest printouts, are missed.",
        (
            "The fonts were those that come with Matplotlib, among them DejaVu, STIX and Computer "
            "Modern."
        ),
    ),
}
_UNHASHED = "0" * 64  # replaced when the weights are written

LOCATOR_FIGURES = {
    "region_ap50": "boxes of leads, AP50",
    "name_ap50": "boxes of names, AP50",
    "pulse_ap50": "boxes of calibration pulses, AP50",
    "line_ap50": "lines with speed or gain, AP50",
    "ends_within_half_mm": "ends of traces within 0.5 mm",
    "ecg_told": "ECG or not, share told right",
}
READER_FIGURES = {
    "names_right": "names read right",
    "none_taken_for_name": "pieces without a name that are taken for one",
    "scale_read": "speeds and gains read right",
    "scale_wrong": "speeds and gains read wrong",
    "scale_invented": "lines without them in which one is read",
}


def cards(version: str) -> dict[str, ModelCard]:
    """Return the cards of both, not yet measured."""
    return {
        "locator": ModelCard(
            name="locator",
            version=version,
            sha256=_UNHASHED,
            licence=_LICENCE,
            data=_DATA,
            command=_COMMANDS["locator"],
            input=InputContract(
                px_per_mm=locator.PX_PER_MM,
                channels=("grey",),
                normalisation="darkness against the surrounding 2 cm, over the page's usual one",
            ),
            classes=(*locator.HEATS, *locator.VALUES, *locator.SIDES),
        ),
        "reader": ModelCard(
            name="reader",
            version=version,
            sha256=_UNHASHED,
            licence=_LICENCE,
            data=f"pieces of {_DATA}; and words set for the purpose",
            command=_COMMANDS["reader"],
            input=InputContract(
                px_per_mm=10.0,
                channels=("grey",),
                normalisation=f"box brought to {reader.LETTER_PX} px, paper 0 and ink 1",
            ),
            classes=(*(name or "none" for name in reader.NAMES), *reader.SYMBOLS[1:]),
        ),
    }


def ship(
    networks: Mapping[str, nn.Module],
    folder: Path,
    *,
    version: str,
    data: str,
    figures: Mapping[str, Mapping[str, float]],
) -> list[ModelCard]:
    """Write weights with their cards.

    Args:
        networks: ``locator``, ``reader``, or both, trained.
        folder: Where they are put.
        version: Of both models.
        data: On what they were measured.
        figures: What was measured of each, as ``validate`` names it.
    """
    words = {"locator": LOCATOR_FIGURES, "reader": READER_FIGURES}
    written = []
    for name, network in networks.items():
        measured = tuple(
            Measured(figure=text, value=float(figures[name][key]), data=data)
            for key, text in words[name].items()
            if key in figures.get(name, {})
        )
        failing = _FAILURES.get(name, ())
        card = cards(version)[name].model_copy(
            update={"measured": measured, "known_failures": failing}
        )
        written.append(write_model(network, card, folder))
    return written
