"""What invoices and subscriptions share: the decision under way, and their shapes.

Owns the unit of work, pending items, discounts, statuses, and the bodies of both objects.
Does not own any verb.
"""
