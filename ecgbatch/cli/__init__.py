"""The command line: ``ecgbatch convert IN OUT`` and what belongs to it. No logic lives here.

A command reads its arguments, calls one function and prints what it gave. Errors that we raise on
purpose are one line that says the fix, never a traceback.

Exit status: 0 done (quarantined pages are a normal result), 1 a defect of ours or a failed check,
2 a wrong argument or setting, 3 more pages quarantined than the configuration allows, 75 stopped
and resumable: run the same command again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ecgbatch.cli.application import app
from ecgbatch.cli.backfilling import backfill, schedule
from ecgbatch.cli.converting import convert, plan, retry
from ecgbatch.cli.exporting import evaluate, export
from ecgbatch.cli.forgetting import delete, rekey, translate
from ecgbatch.cli.looking import query, report, show, status, verify, views
from ecgbatch.cli.printing import complain
from ecgbatch.cli.reviewing import review
from ecgbatch.cli.submitting import submit
from ecgbatch.cli.synthesizing import synth
from ecgbatch.errors import EcgbatchError
from ecgbatch.flow.summary import exit_status_of

__all__ = [
    "app",
    "backfill",
    "convert",
    "delete",
    "evaluate",
    "export",
    "main",
    "plan",
    "query",
    "rekey",
    "report",
    "retry",
    "review",
    "schedule",
    "show",
    "status",
    "submit",
    "synth",
    "translate",
    "verify",
    "views",
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status; ``arguments`` default to those of the process."""
    try:
        app(args=arguments, prog_name="ecgbatch")
    except EcgbatchError as error:
        complain(error)
        sys.exit(exit_status_of(error))
