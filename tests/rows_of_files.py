"""What tests of single files ask of the rows that come of them."""

import numpy as np


def reasons(rows):
    """Return the reason of each row, None for pages that were read."""
    return [row["error"] and row["error"]["reason"] for row in rows]


def reason(rows):
    """Return the one reason for which a whole file or its only page was set aside."""
    assert len(rows) == 1
    assert rows[0]["pixels"] is None
    return reasons(rows)[0]


def pixels(rows):
    """Return the pixels of a file whose only page was read."""
    assert reasons(rows) == [None]
    return rows[0]["pixels"]


def difference(one, other):
    """Return the largest difference between two pictures."""
    return int(np.abs(one.astype(int) - other.astype(int)).max())
