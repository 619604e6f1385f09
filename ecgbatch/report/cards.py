"""The page of each model in ``docs/models``, from its card.

::

    python -m ecgbatch.report.cards docs/models
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

Card = Mapping[str, Any]


def shipped_cards() -> list[Card]:
    """Return the card of every model that comes with the package, by name."""
    folder = files("ecgbatch.models").joinpath("weights")
    if not folder.is_dir():
        return []
    texts = [path.read_text("utf-8") for path in folder.iterdir() if path.name.endswith(".json")]
    cards = [json.loads(text) for text in texts]
    return sorted(cards, key=lambda card: str(card["name"]))


def page_of(card: Card) -> str:
    """Return a card as a page of Markdown."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: Card) -> Iterator[str]:
    yield f"# {card['name']} {card['version']}"
    yield ""
    yield "Generated from the card beside its weights by `make docs`."
    yield ""
    yield "| | |"
    yield "|---|---|"
    seen = card["input"]
    for name, value in (
        ("sha256", f"`{card['sha256']}`"),
        ("licence", card["licence"]),
        ("trained on", card["data"]),
        ("trained by", f"`{card['command']}`"),
        ("sees", f"{_scale(seen)}: {', '.join(seen['channels'])}"),
        ("normalisation", seen["normalisation"]),
        ("answers", ", ".join(f"`{each}`" for each in card["classes"] if each)),
    ):
        yield f"| {name} | {value} |"
    yield from _measured(card["measured"])
    if card["known_failures"]:
        yield ""
        yield "## Where it fails"
        yield ""
        for failure in card["known_failures"]:
            yield f"- {failure}"


def _scale(seen: Mapping[str, Any]) -> str:
    rate = seen.get("fs_hz")
    return f"{seen['px_per_mm']:g} px/mm" if rate is None else f"{rate:g} Hz"


def _measured(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not figures:
        return
    yield ""
    yield "## Measured"
    yield ""
    yield "| figure | value | on |"
    yield "|---|---|---|"
    for each in figures:
        yield f"| {each['figure']} | {each['value']:.3g} | {each['data']} |"


def main(folder: Path) -> None:
    """Write a page per model."""
    folder.mkdir(parents=True, exist_ok=True)
    for card in shipped_cards():
        (folder / f"{card['name']}.md").write_text(page_of(card), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
