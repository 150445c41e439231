"""The repository of billing objects, and the commit.

Owns reads, lists, searches, and how one decision becomes one transaction.
Does not own what an object means.
"""
