"""Usage: accepted, cancelled, counted, read, compared and alerted on.

Owns meters, events, counters, alerts and reconciliation.
Does not own what usage costs.
"""
