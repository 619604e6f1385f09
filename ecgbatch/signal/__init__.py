"""NumPy and SciPy on leads: from pixels to microvolts, and how good they are."""
