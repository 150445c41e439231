"""Invoices: drafting, finalising and settling them, and the items that go on them.

Owns lines, invoice items, late usage, numbers and payments.
Does not own when a subscription renews.
"""
