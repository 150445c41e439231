"""Work without a caller: what falls due, test clocks, and what watches usage.

Owns when work is done, and what an operator asks.
Does not own what the work decides.
"""
