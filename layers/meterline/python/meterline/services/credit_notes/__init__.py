"""Credit notes: what is taken back of an invoice after it became final.

Owns what a note credits, how it meets what its invoice has due, its number, and its end.
Does not own the arithmetic of shares (``core.billing.credit_notes``), nor invoices and balances,
which it changes as their rooms say.
"""
