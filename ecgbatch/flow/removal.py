"""Taking scans out of the tables again: changed ones, repeated ones, and those that are not whole.

Part files are written anew without the rows, ``pages`` first, so that no page stands without its
other rows; the receipt follows last. What is to go is noted in ``runs/removal.json`` before and
that note is deleted after, so a removal that was cut off is done again from the start, which
changes nothing where it had been done.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch.errors import ChecksumError
from ecgbatch.flow.files import FileFacts, decode, get_bytes, put_table
from ecgbatch.flow.lease import Fence
from ecgbatch.flow.output import PART_TABLES, as_json, read_json
from ecgbatch.flow.packed import Receipts
from ecgbatch.flow.receipts import Receipt, receipt_of
from ecgbatch.storage import Store

_NOTE = ("runs", "removal.json")


def remove_scans(store: Store, fence: Fence, receipts: Receipts, scan_ids: pa.Array) -> set[str]:
    """Take the rows of ``scan_ids`` out of the parts of ``receipts``.

    Returns:
        The names of the parts that changed or went; their receipts must be read again.
    """
    parts = receipts.holding(scan_ids)
    if parts:
        note = {
            "scan_ids": scan_ids.to_pylist(),
            "receipts": [receipt.address for receipt in parts.values()],
        }
        store.write(fence.output.uri(*_NOTE), as_json(note))
        finish_removal(store, fence)
    return set(parts)


def finish_removal(store: Store, fence: Fence) -> None:
    """Do what the note says, if there is one; a removal that was cut off ends here."""
    output = fence.output
    note = read_json(store, output, *_NOTE)
    if note is None:
        return
    scan_ids = pa.array(note["scan_ids"], pa.string())
    for address in note["receipts"]:
        fence.check(store)
        value = read_json(store, output, *address)
        if value is not None:  # a part that lost all its rows is gone
            _rewrite(store, fence, Receipt.from_json(value), scan_ids)
    store.delete(output.uri(*_NOTE))


def _rewrite(store: Store, fence: Fence, receipt: Receipt, scan_ids: pa.Array) -> None:
    output = fence.output
    kept: dict[str, pa.Table] = {}
    files: dict[str, FileFacts] = {}
    emptied = pc.all(pc.is_in(receipt.scans["scan_id"], value_set=scan_ids)).as_py()
    for table in reversed(PART_TABLES):
        path = receipt.files[table].path
        if emptied:
            store.delete(output.uri(path))
            continue
        data = get_bytes(store, output, path)
        if data is None:
            raise ChecksumError(f"{path} has a receipt and is not there")
        rows = decode(data, path, table=table)
        kept[table] = rows.filter(pc.invert(pc.is_in(rows["scan_id"], value_set=scan_ids)))
        files[table] = put_table(store, output, path, kept[table])
    if emptied:
        receipt.delete(store, output)
        return
    receipt_of(
        kept,
        files,
        part=receipt.part,
        run_id=receipt.run_id,
        release=receipt.release,
        fingerprint=receipt.fingerprint,
        stages=receipt.stages,
    ).replace(store, output)
