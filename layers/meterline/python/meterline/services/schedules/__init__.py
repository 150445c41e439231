"""Subscription schedules: changes of a subscription that are agreed on ahead, phase by phase.

Owns their verbs, what a phase asks of the subscription, and entering the next phase when it is due.
Does not own the changes themselves: a phase is entered by the change functions of
``subscriptions``, which also keep a schedule in step with what is changed directly.
"""
