"""Checkpoints of the audit log in a bucket: moto answers as S3 does, and botocore signs every request once more.

moto accepts any signature, so a door before it compares each with what botocore makes of the same request.
"""

import datetime
import json
import os
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from gateway import Gateway

REGION = "eu-central-1"
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/session+token=")
NO_MODEL = "http://127.0.0.1:9/v1"


def signature(method: str, url: str, headers: dict[str, str], body: bytes) -> str:
    """What botocore makes of a request."""
    signed = {name: value for name, value in headers.items() if name not in ("authorization", "content-length")}
    request = AWSRequest(method, url, data=body, headers=signed)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = S3SigV4Auth(CREDENTIALS, "s3", REGION)
    canonical = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, canonical), request)


class S3:
    """moto behind a door that looks at signatures."""

    def __init__(self) -> None:
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self._behind = f"http://{host}:{port}"
        self.signatures: list[tuple[str, str]] = []
        s3 = self

        class Door(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                url = f"http://{headers['host']}{self.path}"
                given = headers["authorization"].rpartition("Signature=")[2]
                s3.signatures.append((given, signature("PUT", url, headers, body)))
                status, answer = s3.forward(self.path, headers, body)
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self._door.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._door.server_port}"
        self.client = boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=self._behind,
            aws_access_key_id=CREDENTIALS.access_key,
            aws_secret_access_key=CREDENTIALS.secret_key,
            config=Config(s3={"addressing_style": "path"}),
        )

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Asks moto the same."""
        request = urllib.request.Request(self._behind + path, data=body, headers=headers, method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def bucket(self, name: str, lock: bool) -> None:
        self.client.create_bucket(
            Bucket=name,
            ObjectLockEnabledForBucket=lock,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )

    def objects(self, bucket: str) -> list[str]:
        return sorted(it["Key"] for it in self.client.list_objects_v2(Bucket=bucket).get("Contents", []))

    def close(self) -> None:
        self._door.shutdown()
        self._door.server_close()
        self._moto.stop()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", CREDENTIALS.token)
    s3 = S3()
    yield s3
    s3.close()


def audit(s3: S3, bucket: str) -> str:
    return f"""
[audit]
interval = "1d"

[[audit.send]]
name = "bucket"
to = "s3://{bucket}/gateway-1"
region = "{REGION}"
endpoint = "{s3.endpoint}"
retain = "365d"
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [os.environ["BOTWARDEN_BIN"], *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_checkpoints_lie_locked_in_the_bucket(s3: S3, tmp_path: Path) -> None:
    s3.bucket("audit-of-the-shop", lock=True)
    Gateway(tmp_path, "openai", NO_MODEL, audit(s3, "audit-of-the-shop")).close()
    first = s3.objects("audit-of-the-shop")
    assert first and first[-1].startswith("gateway-1/00000000000000000003-"), first
    stored = s3.client.get_object(Bucket="audit-of-the-shop", Key=first[-1])
    kept = tmp_path / "kept"
    kept.write_bytes(stored["Body"].read())
    assert stored["ObjectLockMode"] == "COMPLIANCE"
    left = stored["ObjectLockRetainUntilDate"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(days=364) < left <= datetime.timedelta(days=365)
    verified = run(tmp_path, "audit", "verify", "--checkpoint", "kept")
    assert verified.returncode == 0, verified.stdout

    again = run(tmp_path, "audit", "witness", "--format", "json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads(again.stdout)["destinations"][0]["kind"] == "s3"
    assert s3.objects("audit-of-the-shop") == first, "what is there is not written over"
    versions = s3.client.list_object_versions(Bucket="audit-of-the-shop")["Versions"]
    assert len(versions) == len(first), "not as another version either"
    assert s3.signatures
    assert all(given == wanted for given, wanted in s3.signatures)


def test_failures_say_what_to_mend(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Gateway(tmp_path, "openai", NO_MODEL, audit(s3, "nobodys-bucket")).close()
    unknown = run(tmp_path, "audit", "witness")
    assert unknown.returncode == 3 and "NoSuchBucket" in unknown.stdout, unknown.stdout
    assert "make it, with object lock" in unknown.stdout
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    missing = run(tmp_path, "audit", "witness")
    assert missing.returncode == 3 and "the environment has no `AWS_SECRET_ACCESS_KEY`" in missing.stdout
    for said in (unknown, missing):
        assert CREDENTIALS.secret_key not in said.stdout + said.stderr
