"""The version of Stripe's API that Meterline speaks."""

API_VERSION = "2026-10-28.endive"
