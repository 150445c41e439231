"""When is billed, and what stands on an invoice.

Owns anchors, cycles, invoice lines, discounts and the arithmetic of the customer's balance.
Does not own what a change in the middle of a period does.
"""
