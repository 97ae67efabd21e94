"""Places for signed heads: each takes a line for good or says that it has not. Real servers, on loopback."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from containers_app.errors import BadInput, Unavailable
from containers_app.runtime.sinks import sink

LINE = '{"digest":"ab","sequence":7}\n'


@pytest.mark.parametrize("address", ["ftp://host/x", "heads.jsonl", "", "javascript:alert(1)"])
def test_an_address_that_is_no_place_is_refused(address):
    with pytest.raises(BadInput, match="no place to send heads to"):
        sink(address)


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_file_gets_line_after_line(tmp_path, form):
    place = sink(form.format(tmp_path / "heads.jsonl"))
    place.send("1", LINE)
    place.send("2", LINE)
    assert (tmp_path / "heads.jsonl").read_text() == LINE * 2


def test_a_file_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(Unavailable, match="Is a directory"):
        sink(str(tmp_path)).send("1", LINE)


def test_syslog_by_udp_gets_the_line():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        sink(f"syslog://127.0.0.1:{server.getsockname()[1]}").send("1", LINE)
        assert server.recv(2000).decode() == f"<86>freezeframe-audit: {LINE.strip()}"  # authpriv, informational


def test_syslog_by_its_socket_gets_the_line(tmp_path):
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        server.settimeout(5)
        sink(f"syslog://{path}").send("1", LINE)
        assert LINE.strip() in server.recv(2000).decode()


def test_syslog_by_tcp_gets_whole_lines():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        place = sink(f"syslog://127.0.0.1:{server.getsockname()[1]}?transport=tcp")
        place.send("1", LINE)
        taken, _ = server.accept()
        with taken, taken.makefile() as lines:
            assert lines.readline().endswith(LINE)


@pytest.mark.parametrize("address", ["syslog://127.0.0.1:1?transport=tcp", "syslog:///nowhere/log"])
def test_syslog_that_is_away_says_so(address):
    with pytest.raises(Unavailable, match="syslog"):
        sink(address).send("1", LINE)


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.taken.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def webhook():
    server = HTTPServer(("127.0.0.1", 0), _Hook)
    server.taken, server.status = [], 204
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_webhook_gets_the_line_as_the_body_of_a_post(webhook):
    place = sink(f"http://127.0.0.1:{webhook.server_port}/hooks/secret-part")
    place.send("1", LINE)
    assert webhook.taken == [("/hooks/secret-part", "application/json", LINE)]
    assert "secret-part" not in place.name


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_webhook_that_answers_otherwise_has_not_taken_it(webhook, status):
    webhook.status = status
    with pytest.raises(Unavailable, match="webhook"):
        sink(f"http://127.0.0.1:{webhook.server_port}/hook").send("1", LINE)
    assert len(webhook.taken) == 1


def test_names_of_two_webhooks_on_one_host_differ():
    assert sink("https://hooks.example/a").name != sink("https://hooks.example/b").name


@pytest.fixture
def bucket(monkeypatch):
    """A bucket with Object Lock, and the address of its server."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="audit", ObjectLockEnabledForBucket=True)
    yield client, endpoint
    server.stop()


def test_an_object_in_s3_cannot_be_deleted_before_its_time(bucket):
    client, endpoint = bucket
    sink(f"s3://audit/heads?endpoint={endpoint}&days=30").send("00000000000000000007-1", LINE)
    key = "heads/00000000000000000007-1.json"
    found = client.get_object(Bucket="audit", Key=key)
    assert json.loads(found["Body"].read())["sequence"] == 7
    assert found["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket="audit", Key=key, VersionId=found["VersionId"])


def test_a_bucket_that_is_not_there_says_so(bucket):
    with pytest.raises(Unavailable, match="S3"):
        sink(f"s3://other/heads?endpoint={bucket[1]}").send("1", LINE)
