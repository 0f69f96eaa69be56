"""How a listing is kept and found: its words, its row, the questions put to the full-text index."""
