"""ecgbatch turns archives of scanned paper ECGs into Parquet tables of signals and labels.

Importing this package loads nothing heavy: Ray belongs to ``flow``, torch to ``models``,
OpenCV to ``imaging``.
"""

__version__ = "0.1.0"
