"""The Access table: API keys, stream sessions and idempotency records.

Owns who may ask, and what was answered before.
Does not own billing objects.
"""
