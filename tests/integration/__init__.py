"""Several parts together, the hook enabled, each time in a fresh interpreter."""
