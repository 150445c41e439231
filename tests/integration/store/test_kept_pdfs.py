"""PDFs are made once, kept, and gone when their customer is erased."""

import pytest

from meterline.store.billing.kept_pdfs import forget_pdfs, keep_pdf, kept_pdf, pdf_key

pytestmark = pytest.mark.usefixtures("dynamodb")


def key(customer: str = "cus_1", *, livemode: bool = False, digest: str = "a") -> str:
    return pdf_key(livemode=livemode, customer=customer, object_id="in_1", digest=digest)


def test_what_was_never_kept_is_not_there() -> None:
    assert kept_pdf(key()) is None


def test_what_was_kept_stays_as_it_was() -> None:
    assert keep_pdf(key(), b"first") == b"first"
    assert keep_pdf(key(), b"second, made by a newer release") == b"first"
    assert kept_pdf(key()) == b"first"


def test_other_facts_are_another_pdf() -> None:
    keep_pdf(key(digest="open"), b"open")
    keep_pdf(key(digest="paid"), b"paid")
    assert kept_pdf(key(digest="paid")) == b"paid"


def test_erasing_removes_those_of_one_customer_in_one_mode() -> None:
    mine = [key(digest=digest) for digest in "abc"]
    others = [key("cus_12"), key(livemode=True)]
    for one in mine + others:
        keep_pdf(one, b"pdf")
    assert forget_pdfs(livemode=False, customer="cus_1") == 3
    assert [kept_pdf(one) for one in mine] == [None, None, None]
    assert [kept_pdf(one) for one in others] == [b"pdf", b"pdf"]
    assert forget_pdfs(livemode=False, customer="cus_1") == 0
