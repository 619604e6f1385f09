"""The one door to ``s3://`` and ``file://``.

``open_store`` gives a ``Store``; everything else in this package stands behind it.
"""

from ecgbatch.storage.address import inside, is_manifest, join, to_uri, too_long
from ecgbatch.storage.keys import key_id, keyed_id, scan_id, secret
from ecgbatch.storage.listed import Listed
from ecgbatch.storage.side_by_side import SideBySide
from ecgbatch.storage.store import Store, open_store
from ecgbatch.storage.throttle import share_among

__all__ = [
    "Listed",
    "SideBySide",
    "Store",
    "inside",
    "is_manifest",
    "join",
    "key_id",
    "keyed_id",
    "open_store",
    "scan_id",
    "secret",
    "share_among",
    "to_uri",
    "too_long",
]
