"""What an invoice says to who pays it, as plain data: pages and PDFs show the same.

Owns which facts an invoice's document has, and how they are read. Does not own how they look, nor
the words around them (``api.pages``), nor any amount: these are as ``billing`` has computed them.
"""
