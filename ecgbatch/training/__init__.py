"""How the networks learn: pages drawn at random, one loop per model, and their jobs on Ray."""
