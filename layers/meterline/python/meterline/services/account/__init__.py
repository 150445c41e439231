"""The account: its settings, and its API keys.

Owns what a deployment decides for everyone, and who may ask.
Does not own checking a key (``api.auth``).
"""
