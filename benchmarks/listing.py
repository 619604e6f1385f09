"""CPU time for one answer of 1000 keys, by botocore's parser and by ours: benchmarks/listing.py."""

import time
from collections.abc import Callable

import botocore.session
from botocore.parsers import create_parser

from ecgbatch.storage.listing import parse_page

KEYS = 1000
REPEATS = 10


def answer() -> bytes:
    """Write what S3 sends for a page of its listing."""
    items = "".join(
        f"<Contents><Key>ecg/2024/01/scan-{number:09d}.tif</Key>"
        "<LastModified>2024-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{number:032x}&quot;</ETag><Size>{400_000 + number}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for number in range(KEYS)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>archive</Name>'
        f"<Prefix>ecg/</Prefix><KeyCount>{KEYS}</KeyCount><EncodingType>url</EncodingType>"
        f"<IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
    ).encode()


def milliseconds(work: Callable[[], object]) -> float:
    """Return the CPU time of one call, the first one left out."""
    work()
    started = time.process_time()
    for _ in range(REPEATS):
        work()
    return 1000 * (time.process_time() - started) / REPEATS


if __name__ == "__main__":
    response = {"status_code": 200, "headers": {}, "body": answer()}
    model = botocore.session.get_session().get_service_model("s3")
    shape = model.operation_model("ListObjectsV2").output_shape
    parser = create_parser("rest-xml")
    theirs = milliseconds(lambda: parser.parse(dict(response), shape))
    ours = milliseconds(lambda: parse_page(dict(response), {}))
    print(f"botocore {theirs:6.1f} ms   ecgbatch {ours:6.1f} ms   for {KEYS} keys")
