"""Customers and their balances.

Owns who pays, and what is credited or owed before any invoice.
Does not own deleting a customer, which cancels subscriptions (``subscriptions``).
"""
