"""Subscription schedules: where their phases end, and which items a phase goes on with.

Owns the arithmetic of phases. Does not own what a change of phase bills: that is a change of the
subscription like any other (``core.subscriptions``).
"""
