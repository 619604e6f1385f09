"""The cards of the diagnosis and of its members that see pages, and their weights as shipped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecgbatch.imaging.lead_strips import STRIP_HZ
from ecgbatch.models.card import InputContract, Measured, ModelCard, write_model
from ecgbatch.models.diagnosis import Diagnosis
from ecgbatch.models.page import PageDiagnosis
from ecgbatch.models.vocabularies import targets
from ecgbatch.signal.frames import FRAME_HZ

KNOWN_FAILURES = (
    (
        "It is not a diagnostic device: nobody may be treated, or not treated, by what it says. It "
        "is for finding ECGs in archives that people then read."
    ),
    (
        "It learnt from one country's records of 1989 to 1996 on a few types of carts; other "
        "people, carts and times were never measured."
    ),
    (
        "Fresh infarcts are not told from old ones: no label that it learnt from tells them. "
        "`cinc2024` has no `Acute MI` and `triage4.infarct` holds infarcts of any age."
    ),
    (
        "Statements with fewer than 20 positives in folds 1 to 7, or 10 in fold 9, are not made at "
        "all; those of 10 to 30 positives have figures that could be off by 0.1."
    ),
    (
        "What simulated hearts alone taught was tried on few real records; it is calibrated on "
        "none, always abstains, and is for ranking pages."
    ),
    (
        "Ischaemia and infarcts that a label places in a wall, and changes of ST or T that a label "
        "calls non-specific, are told worst."
    ),
    (
        "Pacemakers that draw no spike, and what is printed at a wrong speed or gain that nothing "
        "on the page contradicts, are judged as if they were what they seem."
    ),
)


PAGE_FAILURES = (
    KNOWN_FAILURES[0],
    (
        "Its pages were printed by this package from one country's records of 1989 to 1996; pages "
        "of other printers and carts were never measured with labels."
    ),
    (
        "Leads are cut out where the locator found them, at the speed and gain that the page was "
        "read to have: where those are wrong, so is what it says."
    ),
    (
        "A strip ends 1.6 mV above and below its zero line; taller waves are seen to leave it, and "
        "not how far."
    ),
    "Fresh infarcts are not told from old ones, and statements with few positives are not made.",
    (
        "It was trained for minutes on one core, stopped and continued with other numbers of steps "
        "for each member: the command gives weights of its kind and not these bytes."
    ),
)


def page_card(version: str, *, command: str, measured: Sequence[Measured] = ()) -> ModelCard:
    """Return the card of the members that see pages.

    Args:
        version: Of the model.
        command: That trains them.
        measured: What they are worth on fold 9.
    """
    return ModelCard(
        name="page",
        version=version,
        sha256="0" * 64,  # replaced when the weights are written
        licence="Apache-2.0",
        data="traces and pages that synth/ prints and damages, of records of PTB-XL (Wagner et al. "
        "2020, PhysioNet, CC BY 4.0): folds 1 to 7 to learn, 8 to choose and calibrate, 9 to "
        "report; and what the members that see signals say of folds 1 to 7",
        command=command,
        input=InputContract(
            fs_hz=STRIP_HZ,
            channels=("ink of each lead, cut out of the upright page",),
            normalisation="how much darker than the paper of a column; 64 rows of 0.05 mV around "
            "the zero line, usual ink is 200",
        ),
        classes=targets(),
        measured=tuple(measured),
        known_failures=PAGE_FAILURES,
    )


def card(
    version: str,
    *,
    command: str,
    measured: Sequence[Measured] = (),
    fitted_with: Sequence[ModelCard] = (),
) -> ModelCard:
    """Return the card of the ensemble.

    Args:
        version: Of the model.
        command: That trains it.
        measured: What it is worth on fold 9.
        fitted_with: Cards of other weights that it weighs.
    """
    return ModelCard(
        name="diagnosis",
        version=version,
        sha256="0" * 64,  # replaced when the weights are written
        licence="Apache-2.0",
        data="3 827 records of PTB-XL in microvolts and 1 307 whose leads are z-scored, which only "
        "teach rhythms (Wagner et al. 2020, PhysioNet, CC BY 4.0): folds 1 to 7 to learn, 8 to "
        "choose and calibrate, 9 to report; whole and as layouts show them; apart from them 3 400 "
        "simulated hearts, for statements that records cannot teach",
        command=command,
        input=InputContract(
            fs_hz=FRAME_HZ,
            channels=("millivolts of twelve leads", "measured facts", "usual beat of each lead"),
            normalisation="each lead around its median; facts around their medians in units of "
            "their spread; beats above the level before QRS",
        ),
        classes=targets(),
        measured=tuple(measured),
        known_failures=KNOWN_FAILURES,
        fitted_with=tuple(each.sha256 for each in fitted_with),
    )


def ship(network: Diagnosis | PageDiagnosis, described: ModelCard, folder: Path) -> ModelCard:
    """Write members, calibration and thresholds as one file with its card.

    Args:
        network: Fitted.
        described: From ``card`` or ``page_card``.
        folder: Where they are put.
    """
    return write_model(network, described, folder)
