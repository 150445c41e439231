"""What every verb uses: its context, the outbox, ids, lookups, limits, logs.

Owns how a decision is committed with its events, and how records of queues and streams fail
one by one.
Does not own any kind of object.
"""
