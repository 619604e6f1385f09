"""From labelled records to the members of the diagnosis, their calibration and their weights."""
