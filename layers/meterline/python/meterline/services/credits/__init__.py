"""Billing credits: grants, what they have left, and the ledger of what came of them.

Owns the verbs of grants, their expiry, and the entries of the ledger.
Does not own what an invoice takes, which its amounts say and its finalization books.
"""
