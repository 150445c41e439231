"""What delivering events is decided by, without a network or a clock.

Owns which addresses may be called, how endpoints' URLs are read, signatures, when a delivery that
failed is tried again, and when an endpoint is left alone.
Does not own what an event says, nor the calls themselves (``store.events``).
"""
