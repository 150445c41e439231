"""Events as they are read and delivered.

Owns the log of events in both dialects, publishing, webhook endpoints and event destinations,
and what was delivered to them.
Does not own emitting (``base.events``): that is part of each commit.
"""
