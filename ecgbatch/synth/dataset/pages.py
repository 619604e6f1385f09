"""Whole pages: with their signals, or with boxes in YOLO's text."""

from __future__ import annotations

from typing import Any

from ecgbatch.synth.dataset.draw import draw_page
from ecgbatch.synth.dataset.index import CLASSES
from ecgbatch.synth.dataset.made import Made, index_row, printed, signal_rows, truth_file
from ecgbatch.synth.dataset.picture import ENDINGS, encoded
from ecgbatch.synth.dataset.recipe import Recipe
from ecgbatch.synth.sources import Source
from ecgbatch.synth.truth import Box, PageTruth


def make_page(recipe: Recipe, source: Source, index: int) -> Made:
    """Make one page: its picture, its truth, its rows; of ``boxes`` its labels as well."""
    choice = draw_page(recipe, source, index)
    made_page = printed(recipe, source, choice)
    truth = made_page.page.truth
    folder = f"{choice.split}/{index // recipe.shard:05d}/{choice.page_id}"
    made = Made(pages=1, signals=signal_rows(choice.page_id, made_page))
    row = index_row(choice, truth)
    image = made.add(
        f"images/{folder}.{ENDINGS[recipe.image]}",
        encoded(made_page.page.pixels, form=recipe.image, jpeg_quality=recipe.jpeg_quality),
    )
    if recipe.kind == "boxes":
        row["boxes"] = boxes_of(truth)
        made.add(f"labels/{folder}.txt", yolo_text(row["boxes"], truth).encode())
    facts = {key: row[key] for key in row if key not in {"item_id", "boxes"}}
    facts["image"] = image["path"]
    known = made.add(f"truth/{folder}.json", truth_file(facts, truth))
    row |= {"image": image["path"], "image_sha256": image["sha256"]}
    row |= {"truth": known["path"], "truth_sha256": known["sha256"]}
    made.index.append(row)
    return made


def boxes_of(truth: PageTruth) -> list[dict[str, Any]]:
    """Return the boxes of a page: of every printed lead, and of every printed name.

    What is not on the page has no box. A name that stands for a lead printed upside down
    (``-aVR``) has the class of the lead; names beyond the standard twelve have none.
    """
    boxes = []
    for region in truth.regions:
        found = [(0, region.box_px)]
        if region.lead in CLASSES[1:] and region.name_box_px is not None:
            found.append((CLASSES.index(region.lead, 1), region.name_box_px))
        boxes += [_box(number, place) for number, place in found if _area(place) > 0]
    return boxes


def _box(number: int, box_px: Box) -> dict[str, Any]:
    left, top, right, bottom = box_px
    return {"class": number, "left": left, "top": top, "right": right, "bottom": bottom}


def _area(box_px: Box) -> float:
    left, top, right, bottom = box_px
    return max(0.0, right - left) * max(0.0, bottom - top)


def yolo_text(boxes: list[dict[str, Any]], truth: PageTruth) -> str:
    """Return a line per box: class, centre and size as shares of the picture."""
    lines = []
    for box in boxes:
        x, y = (box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2
        width, height = box["right"] - box["left"], box["bottom"] - box["top"]
        places = (x / truth.width_px, y / truth.height_px)
        sizes = (width / truth.width_px, height / truth.height_px)
        numbers = " ".join(f"{value:.6f}" for value in (*places, *sizes))
        lines.append(f"{box['class']} {numbers}\n")
    return "".join(lines)
