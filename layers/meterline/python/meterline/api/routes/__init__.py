"""The tables of the API, one module for each area: what it accepts, and which service does it."""
