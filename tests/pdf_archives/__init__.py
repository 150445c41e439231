"""Whether a PDF is fit for archives: what ISO 19005-3 (PDF/A-3, level A) asks of a file.

There is a rule for each thing that a program can see in the file without drawing it: its syntax,
metadata, fonts, colours, tags, and what must not be in it. ``mistakes`` breaks each of them once.
What is not looked at: the profile's inside, glyphs' outlines, and whether tags make sense.
"""

from tests.pdf_archives import contents, file, fonts, metadata, tags
from tests.pdf_archives.archive import Archive, Rules

RULES: Rules = {**file.RULES, **metadata.RULES, **fonts.RULES, **contents.RULES, **tags.RULES}


def archive_faults(pdf: bytes) -> list[str]:
    """The rules of PDF/A-3a that a file does not keep."""
    return faults_in(Archive(pdf))


def faults_in(archive: Archive) -> list[str]:
    """The same, of a file that was read."""
    return [rule for rule, holds in RULES.items() if not holds(archive)]
