"""Previews: what an invoice would be, also after a change.

Owns running a verb without storing anything.
Does not own any rule of a bill: a preview is the bill, not stored.
"""
