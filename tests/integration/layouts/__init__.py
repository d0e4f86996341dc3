"""Where programs run: each layout as a test, and the table of layouts and ways in that the docs show."""
