"""What every table shares: clients, keys, documents, packing, sizes, batches, failures.

Owns how a body becomes an item, and what DynamoDB allows.
Does not own what is committed together.
"""
