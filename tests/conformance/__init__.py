"""Run CPython's own suites, unmodified, on the stock package and under the hook, and compare test by test."""
