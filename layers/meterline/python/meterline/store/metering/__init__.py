"""The tables of usage: MeterEvents, Usage, and what counting remembers.

Owns events under their identity, counters, profiles, totals and reconciliation's progress.
Does not own billing objects.
"""
