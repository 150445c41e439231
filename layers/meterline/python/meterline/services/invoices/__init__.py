"""Invoices: drafting, previewing, finalising and settling them."""
