"""Telling what may pass by itself from what is wrong with the data."""

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from meterline.store.batches import Throttled
from meterline.store.documents import Conflict, LeaseLost

PASSING = (Conflict, LeaseLost, Throttled, BotoCoreError, ClientError, PynamoDBException, OSError)
"""Lost races, and whatever AWS or the network answers: the same work may succeed next time."""
