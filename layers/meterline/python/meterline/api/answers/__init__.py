"""Stored bodies as the wire shows them.

Owns kinds of objects, expansion and rendering.
Does not own routes, nor what is stored.
"""
