"""Invoices and credit notes as PDFs.

Owns how a sheet of words is set on paper (Typst, PDF/A), which characters the fonts can show, and
that a PDF is made once and kept.
Does not own what a document says, which is services/documents, or in which words: that is
api/pages, for the page and the PDF alike.
"""
