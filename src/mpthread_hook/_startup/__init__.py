"""Start-up files as they are installed, and how they get into the wheel; no start imports this."""
