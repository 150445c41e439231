"""Meterline on the command line."""
