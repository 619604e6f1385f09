"""Pages whose truth is known: a simulator, a printer of paper, and damage."""
