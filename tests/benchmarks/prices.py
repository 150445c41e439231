"""What AWS charges: list prices in us-east-1, on demand, as published in November 2025."""

WRITE_UNIT = 0.625e-6
READ_UNIT = 0.125e-6
HTTP_API_REQUEST = 1.00e-6
LAMBDA_REQUEST = 0.20e-6
LAMBDA_GB_SECOND = 13.3334e-6
"""On arm64."""

STORED_GB_MONTH = 0.25
RESTORABLE_GB_MONTH = 0.20
"""Point-in-time recovery, by the size of the table."""

LOGGED_GB = 0.50
"""Taken in by CloudWatch Logs; 0.25 for what API Gateway delivers is within it."""

LOGS_GB_MONTH = 0.03

SENT_GB = 0.09
"""Sent to the internet; an account's first 100 GB a month are free, here they are not."""

ITEM_OVERHEAD_BYTES = 100
"""What DynamoDB adds to each item that it stores, in storage alone."""

MONTH_DAYS = 30.4
"""Of 730 hours."""

GB = 1024**3
