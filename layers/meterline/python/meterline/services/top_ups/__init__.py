"""Automatic top-ups of billing credits: rules, looking at live balances, and buying.

Owns the verbs of rules, when a balance is too low, and the invoice that is made then.
Does not own what its payment grants, which the commit that pays it does.
"""
