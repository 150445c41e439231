"""Events as they are read and delivered.

Owns the log of events in both dialects, publishing, and webhook endpoints.
Does not own emitting (``base.events``): that is part of each commit.
"""
