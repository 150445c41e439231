"""Changes in the middle of a period, thresholds, and unpaid invoices.

Owns what a change of items credits and charges, when it restarts the cycle, and when an unpaid
invoice is held against its subscription.
Does not own the lines of ordinary periods.
"""
