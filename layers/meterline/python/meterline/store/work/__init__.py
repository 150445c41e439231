"""Queues of due work, and how far sweeps have come.

Owns sending work, what is stuck, and records that a stream could not wait for.
Does not own what the work does.
"""
