"""Parameters of requests: their kinds, and how a wrong one is refused.

Owns reading and refusing.
Does not own which parameters a resource has (``routes``).
"""
