"""The tables of the API, one module for each area: what it accepts, and which service does it.

Owns paths, parameters and permissions.
Does not own what a verb does (``services``), nor how a request is answered (``api.app``).
"""
