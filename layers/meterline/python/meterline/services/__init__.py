"""The verbs of the business: load, decide with ``core``, commit in one transaction."""
