"""What tests of several folders ask for: an object store in a process of its own."""

import os
import secrets
import socket
import subprocess
import sys
import time
from urllib.request import urlopen

import botocore.session
import pytest
from hypothesis import settings

from ecgbatch.storage import pace
from tests.faulty_store import FaultyStore
from tests.running_ray import ray_address

__all__ = ["ray_address"]

# The same examples on every run: a suite that fails by chance teaches people to run it again.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory):
    """Start an S3 server process and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("s3") / "server.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    address = f"http://127.0.0.1:{port}"
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    with log.open("wb") as sink:
        server = subprocess.Popen(command, stdout=sink, stderr=sink, env=surroundings)
    try:
        for _ in range(300):
            try:
                urlopen(f"{address}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def s3_environment(s3_endpoint, monkeypatch):
    """Point the environment, and nothing else, at the test server."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ECGBATCH_ID_KEY", "a secret of the tests, no other")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    return s3_endpoint


@pytest.fixture(scope="session")
def s3_client(s3_endpoint):
    """Return botocore's own client, to look at the server past the code under test."""
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    yield client
    client.close()


@pytest.fixture
def s3_bucket(s3_client, s3_environment):
    """Make an empty bucket and return its address."""
    name = f"test-{secrets.token_hex(6)}"
    s3_client.create_bucket(Bucket=name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def faulty_store(s3_endpoint):
    """Start a server that passes requests on, or does to them what a test's rule says."""
    with FaultyStore(s3_endpoint, lambda _: None) as server:
        yield server


@pytest.fixture
def misbehave(faulty_store, s3_environment, monkeypatch):
    """Return a function that puts a rule between us and the store from now on."""

    def misbehave(rule):
        faulty_store.obey(rule)
        monkeypatch.setenv("AWS_ENDPOINT_URL", faulty_store.address)
        return faulty_store

    return misbehave


@pytest.fixture
def quick(monkeypatch):
    """Shorten the waits between tries; how they are spread is tested beside ``pace``."""
    monkeypatch.setattr(pace, "FIRST_DELAY_S", 0.002)
