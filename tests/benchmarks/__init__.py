"""What things cost, in interpreters of their own: ``python -m tests.benchmarks`` runs and compares them."""
