"""Subscriptions: from creation over every renewal to their end."""
