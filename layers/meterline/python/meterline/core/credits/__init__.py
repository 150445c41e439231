"""Billing credits as values: what a grant has left, and what of it pays for which lines.

Owns the order of grants, when one is eligible, and how lines take from them.
Does not own where grants are stored, nor when what was taken is booked.
"""
