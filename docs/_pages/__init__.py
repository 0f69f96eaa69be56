"""Generated pages: one module per page (or pair of pages), each a function that returns the text."""
