"""When and how modules are served: importer, patching, activation with its journal, policy with its probes."""
