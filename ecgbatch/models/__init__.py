"""Networks and the cards that say what they are; torch lives here and in ``training``."""
