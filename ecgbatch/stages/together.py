"""One question to a network about all pages of a table, because it answers many faster than one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import pyarrow as pa

from ecgbatch.errors import RunError
from ecgbatch.stages.rows import Row

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Asks about every page that has pixels when the first of them needs its answer."""

    def __init__(
        self,
        pages: pa.Table,
        *,
        question: Callable[[Row], Question],
        ask: Callable[[Sequence[Question]], Sequence[Answer]],
    ) -> None:
        """Ask nothing yet.

        Args:
            pages: Rows of a stage.
            question: What is to be asked about a row.
            ask: Returns an answer for each question.
        """
        self._pages = pages
        self._question = question
        self._ask = ask
        self._found: dict[int, tuple[Question, Answer]] | None = None

    def about(self, row: Row) -> tuple[Question, Answer]:
        """Return the question about a page and its answer; once, as neither is kept after that."""
        if self._found is None:
            self._found = self._about_all()
        found = self._found.pop(row.index, None)
        if found is not None:
            return found
        question = self._question(row)
        return question, self._ask([question])[0]

    def _about_all(self) -> dict[int, tuple[Question, Answer]]:
        """Ask about all pages; nothing is found where that fails, as one of them makes it do.

        Each is then asked about by itself when it is needed, so that one alone fails.
        """
        rows = (Row(self._pages, index) for index in range(self._pages.num_rows))
        try:
            questions = {
                row.index: self._question(row)
                for row in rows
                if row["error"] is None and row.pixels() is not None
            }
            answers = self._ask(list(questions.values()))
        except RunError:
            raise
        except Exception:  # noqa: BLE001  # of a page that is not known here: it fails again, alone
            return {}
        return {
            index: (question, answer)
            for (index, question), answer in zip(questions.items(), answers, strict=True)
        }
