"""Subscriptions: from creation over every renewal to their end.

Owns their verbs, changes, prorations, thresholds, renewals and dunning, and deleting a customer.
Does not own the invoice that a change makes (``invoices``).
"""
