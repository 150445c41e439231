"""Meterline: usage-based billing in your own AWS account, spoken in Stripe's API.

Four floors, each importing only what is below it: ``api`` (the wire), ``services`` (the verbs of
the business), ``store`` (DynamoDB) and ``core`` (pure decisions).
"""
