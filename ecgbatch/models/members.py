"""Who judges an ECG: names and order of the ensemble's members."""

SIGNAL_MEMBERS = ("signal", "facts", "shapes")
"""Who sees what was digitized: the samples, the measured facts, the usual beats."""
PAGE_MEMBERS = ("patches", "rows", "far")
"""Who sees pixels, of leads cut out of the page: in patches, in rows, in longer rows from afar."""
SIMULATED = "simulated"
"""Who was taught by simulated hearts what records lack; it has no part in the ensemble."""
MEMBERS = (*SIGNAL_MEMBERS, *PAGE_MEMBERS)
CASES = ("signals", "pixels", "both")
"""What the members that answer have seen: probabilities are calibrated for each of them."""
