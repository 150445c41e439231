"""What every rule rests on: errors, money, whole numbers, periods and the parts of them.

Owns rounding, currencies, calendar months, proration by the second, and the one kind of refusal.
Does not own what is priced, counted or billed.
"""
