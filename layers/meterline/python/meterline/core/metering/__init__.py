"""Usage as values: which events are accepted, and how they combine.

Owns acceptance, formulas, buckets and their bytes, and the windows of calendars.
Does not own prices: usage is a number here.
"""
