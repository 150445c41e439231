"""Meter events: single ones, streams of up to a hundred, sessions for streams, cancellations."""

from meterline.api.app import lambda_handler
from meterline.api.routes import meter_events

handler = lambda_handler(meter_events.ROUTES)
