"""What is sold: products, prices, coupons.

Owns their objects, their amounts, currencies and extensions.
Does not own who buys, nor how a price is rated (``core.catalog``).
"""
