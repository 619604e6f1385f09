"""A run from bucket to bucket: plan, lease, parts and receipts live in an object store."""

import pytest

from ecgbatch.errors import LeaseError
from ecgbatch.flow.lease import Lease
from ecgbatch.flow.output import Output
from ecgbatch.flow.run import convert
from ecgbatch.flow.verify import verify
from tests.factories_flow import archive, settings, stages

pytestmark = pytest.mark.s3


def put(client, bucket, name, data):
    client.put_object(Bucket=bucket.removeprefix("s3://"), Key=f"in/{name}", Body=data)


@pytest.fixture
def addresses(tmp_path, s3_bucket, s3_client):
    archive(tmp_path / "in", 9)
    for path in (tmp_path / "in").iterdir():
        put(s3_client, s3_bucket, path.name, path.read_bytes())
    return f"{s3_bucket}/in", f"{s3_bucket}/out"


def test_a_run_from_bucket_to_bucket_is_whole_and_done_once(addresses, s3_client, s3_bucket):
    source, out = addresses
    config = settings()
    summary = convert(source, out, stages=stages(source), config=config, local=True)
    assert (summary.pages_published, summary.pages_quarantined) == (11, 1)
    assert verify(out, config=config).findings == ()
    again = convert(source, out, stages=stages(source), config=config, local=True)
    assert (again.state, again.scans_skipped) == ("nothing_to_do", 10)
    put(s3_client, s3_bucket, "0000.scan", b'{"pages": 2, "seed": 1}')
    changed = convert(source, out, stages=stages(source), config=config, local=True)
    assert (changed.scans_done, changed.pages_published) == (1, 2)
    report = verify(out, config=config)
    assert (report.findings, report.pages_published) == ((), 12)


def test_two_runs_in_one_bucket_are_kept_apart(addresses):
    source, out = addresses
    config = settings()
    with (
        Lease(Output.at(out, config.storage), run_id="first"),
        pytest.raises(LeaseError, match="run first is writing"),
    ):
        convert(source, out, stages=stages(source), config=config, local=True)
