"""Prices as values: what a quantity costs, in every price model.

Owns rating (tiers, packages, percentages), minimum and maximum amounts, and when a coupon is valid.
Does not own whose quantity it is, nor when it is billed.
"""
