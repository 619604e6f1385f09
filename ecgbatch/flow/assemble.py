"""What is written over all shards once they stand: the files that tools look for by one name."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ecgbatch.errors import ChecksumError
from ecgbatch.flow.files import get_bytes
from ecgbatch.flow.output import Output
from ecgbatch.storage import Store
from ecgbatch.synth.dataset.index import CLASSES
from ecgbatch.synth.dataset.recipe import Recipe


def assemble(store: Store, output: Output, recipe: Recipe) -> None:
    """Write ``data.yaml`` and ``coco/<split>.json`` of boxes, ``truth/pairs.csv`` of an archive."""
    if recipe.kind == "boxes":
        store.write(output.uri("data.yaml"), _yaml(recipe).encode())
        _write_coco(store, output, recipe)
    if recipe.kind == "archive":
        store.write(output.uri("truth", "pairs.csv"), _pairs(store, output, recipe))


def _rows(
    store: Store, output: Output, recipe: Recipe, columns: list[str]
) -> Iterator[dict[str, Any]]:
    for shard in range(recipe.shards):
        path = f"index/{shard:05d}.parquet"
        data = get_bytes(store, output, path)
        if data is None:
            raise ChecksumError(f"{path} is not there any more")
        yield from pq.read_table(pa.BufferReader(data), columns=columns).to_pylist()


def _yaml(recipe: Recipe) -> str:
    """Return what YOLO's trainers ask for; paths are relative to the file."""
    splits = "".join(f"{name}: images/{name}\n" for name in recipe.splits)
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    return f"path: .\n{splits}names:\n{names}"


def _write_coco(store: Store, output: Output, recipe: Recipe) -> None:
    """Write one file per split; ids count from 1, and a category's id is its YOLO class + 1."""
    images: dict[str, list[str]] = defaultdict(list)
    boxes: dict[str, list[str]] = defaultdict(list)
    columns = ["page_id", "split", "image", "width_px", "height_px", "boxes"]
    for row in _rows(store, output, recipe, columns):
        split, image_id = row["split"], int(row["page_id"]) + 1
        images[split].append(
            json.dumps(
                {
                    "id": image_id,
                    "file_name": row["image"].removeprefix("images/"),
                    "width": row["width_px"],
                    "height": row["height_px"],
                }
            )
        )
        for box in row["boxes"]:
            width, height = box["right"] - box["left"], box["bottom"] - box["top"]
            boxes[split].append(
                json.dumps(
                    {
                        "id": len(boxes[split]) + 1,
                        "image_id": image_id,
                        "category_id": box["class"] + 1,
                        "bbox": [box["left"], box["top"], width, height],
                        "area": width * height,
                        "iscrowd": 0,
                    }
                )
            )
    categories = json.dumps(
        [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
    )
    for split in recipe.splits:
        text = (
            f'{{"images": [\n{_lines(images[split])}\n],\n"annotations": [\n'
            f'{_lines(boxes[split])}\n],\n"categories": {categories}}}\n'
        )
        store.write(output.uri("coco", f"{split}.json"), text.encode())


def _lines(items: list[str]) -> str:
    return ",\n".join(items)


def _pairs(store: Store, output: Output, recipe: Recipe) -> bytes:
    """Return the record behind each good file of one page, as ``ecgbatch evaluate`` asks for it."""
    columns = ["path", "page_no", "page_id", "special", "duplicate_of"]
    pages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(store, output, recipe, columns):
        pages[row["path"]].append(row)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["page", "record"])
    for path, rows in pages.items():
        if len(rows) == 1 and rows[0]["page_id"] and not rows[0]["special"]:
            page_id = rows[0]["page_id"]
            table.writerow([path.rpartition("/")[2], f"{page_id[:-4]}/{page_id}"])
    return text.getvalue().encode()
