"""Sheets of words, as PDFs are made of them."""

from typing import Any


def sheet_line(description: str = "API calls", **changes: Any) -> dict[str, Any]:
    """A line of a sheet."""
    line = {
        "description": description,
        "period": "1 Dec 2025 - 1 Jan 2026",
        "steps": ["first 1,000: 1,000 × $0.02 = $20.00"],
        "cells": ["1,000", "$0.02", "19%", "$20.00"],
    }
    return line | changes


def sheet(**changes: Any) -> dict[str, Any]:
    """A sheet of one line."""
    known: dict[str, Any] = {
        "title": "Invoice F-0001",
        "author": "Acme",
        "issued": [2026, 1, 2],
        "language": "en",
        "paper": "a4",
        "accent": "#635bff",
        "heading": "Invoice",
        "page": "Page",
        "running": "Acme · F-0001",
        "seller": {"name": "Acme", "rows": ["1 Main Street", "10115 Berlin"]},
        "buyer": {"label": "Bill to", "name": "Ada Lovelace", "rows": ["London"]},
        "facts": [["Invoice number", "F-0001"], ["Date of issue", "2 January 2026"]],
        "due": {"amount": "$20.00", "words": "due on 1 February 2026"},
        "status": "Open",
        "memo": "",
        "columns": ["Description", "Quantity", "Unit price", "Tax", "Amount"],
        "lines": [sheet_line()],
        "totals": [
            {"words": "Subtotal", "amount": "$20.00", "strong": False},
            {"words": "Amount due", "amount": "$20.00", "strong": True},
        ],
        "parts": [{"heading": "Payment", "rows": ["Please quote F-0001."]}],
    }
    return known | changes
