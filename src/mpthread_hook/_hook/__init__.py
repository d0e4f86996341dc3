"""When and how modules are served: importer, activation with its journal, policy with its probes."""
