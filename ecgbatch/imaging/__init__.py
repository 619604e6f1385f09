"""NumPy and OpenCV on one page: from bytes to traces in pixels."""
