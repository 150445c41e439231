"""What usage came to over time, and where a running period leads.

Owns the amounts of windows, how they are told apart by dimensions, and forecasts.
Does not own what a quantity costs, nor what an invoice bills.
"""
