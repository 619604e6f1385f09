"""Which job server, and whether it may be used."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ecgbatch.errors import ClusterError, ConfigError
from ecgbatch.flow import job_server
from ecgbatch.flow.job_server import is_remote, open_client, server_address


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def answering():
    """Start a server on this machine that answers everything with one status; count requests."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_GET(self):
            asked.append(dict(self.headers))
            self.send_response(Handler.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Handler, asked
    server.shutdown()
    server.server_close()


def test_an_address_that_was_given_wins_over_the_environment(monkeypatch):
    assert server_address(None) == "http://127.0.0.1:8265"
    monkeypatch.setenv("RAY_ADDRESS", "http://by-ray:8265")
    assert server_address(None) == "http://by-ray:8265"
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://by-name:8265/")
    assert server_address(None) == "http://by-name:8265"
    assert server_address("https://given") == "https://given"


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "ray://head:10001", "file:///x"])
def test_what_is_no_address_of_a_job_server_says_what_is(address):
    with pytest.raises(ConfigError, match="--address http://HOST:8265"):
        server_address(address)


def test_a_password_in_an_address_would_be_printed():
    with pytest.raises(ConfigError, match="password"):
        server_address("http://me:secret@head:8265")


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.9:8265", "[::1]:8265"])
def test_this_machine_is_not_remote(host):
    assert not is_remote(f"http://{host}")


@pytest.mark.parametrize("host", ["10.0.0.1", "head", "localhost.evil.example", "0.0.0.0", "[::]"])
def test_every_other_name_is_remote(host):
    assert is_remote(f"http://{host}:8265")


def test_a_remote_cluster_without_a_token_is_refused_before_anything_is_sent(monkeypatch):
    monkeypatch.setattr(job_server.requests, "get", lambda *_, **__: pytest.fail("sent"))
    with pytest.raises(ConfigError, match="there is no token"):
        open_client("http://head.example:8265")


def test_a_remote_cluster_that_asks_nobody_for_a_token_is_refused(monkeypatch, answering):
    address, handler, asked = answering
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setattr(job_server, "is_remote", lambda _: True)
    handler.status = 200
    with pytest.raises(ConfigError, match="lets everybody run code"):
        open_client(address)
    assert "Authorization" not in asked[0]


def test_a_remote_cluster_that_is_not_there_may_be_tried_again(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setattr(job_server, "is_remote", lambda _: True)
    with pytest.raises(ClusterError, match="no job server answers"):
        open_client("http://127.0.0.1:1")


def test_what_answers_and_is_no_job_server_is_said(monkeypatch, answering):
    address, handler, _ = answering
    handler.status = 404
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", address)  # set back after the test
    with pytest.raises(ConfigError, match="takes no jobs of this Ray"):
        open_client(address)
