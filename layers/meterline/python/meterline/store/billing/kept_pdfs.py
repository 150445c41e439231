"""PDFs that were made once, kept in a bucket of their own.

A key begins with the mode and the customer, so that erasing somebody finds all of theirs.
"""

from botocore.exceptions import ClientError

from meterline.store.base.clients import s3
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings

_MOST_KEYS = 1_000
"""That S3 deletes in one call."""


def pdf_key(*, livemode: bool, customer: str, object_id: str, digest: str) -> str:
    """Where the PDF of an object lies, made of facts with this digest."""
    return f"{mode(livemode)}/{customer}/{object_id}/{digest}.pdf"


def kept_pdf(key: str) -> bytes | None:
    """A PDF that was kept, or None."""
    try:
        answer = s3().get_object(Bucket=settings().pdfs_bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    pdf: bytes = answer["Body"].read()
    return pdf


def keep_pdf(key: str, pdf: bytes) -> bytes:
    """Keep a PDF, unless one is kept there: what lies there afterwards.

    Two that make it at once both go on with the same one, also while releases change.
    """
    try:
        s3().put_object(
            Bucket=settings().pdfs_bucket,
            Key=key,
            Body=pdf,
            ContentType="application/pdf",
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in {
            "PreconditionFailed",
            "ConditionalRequestConflict",
        }:
            raise
        return kept_pdf(key) or pdf
    return pdf


def forget_pdfs(*, livemode: bool, customer: str) -> int:
    """Remove all PDFs of a customer; how many there were."""
    bucket, prefix = settings().pdfs_bucket, f"{mode(livemode)}/{customer}/"
    pages = s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [{"Key": entry["Key"]} for page in pages for entry in page.get("Contents", [])]
    for start in range(0, len(keys), _MOST_KEYS):
        batch = keys[start : start + _MOST_KEYS]
        s3().delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
    return len(keys)


def kept_pdf_address(key: str) -> str:
    """Where a kept PDF can be fetched without credentials, for a minute."""
    where = {"Bucket": settings().pdfs_bucket, "Key": key}
    address: str = s3().generate_presigned_url("get_object", Params=where, ExpiresIn=60)
    return address
