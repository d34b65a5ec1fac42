"""The root key with AWS: moto answers as its Key Management Service does, and botocore signs every request once more.

moto accepts any signature, so a door before it compares each with what botocore makes of the same request.
"""

import json
import os
import sqlite3
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
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
    signer = SigV4Auth(CREDENTIALS, "kms", REGION)
    canonical = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, canonical), request)


class Aws:
    """moto behind a door that looks at signatures."""

    def __init__(self) -> None:
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self._behind = f"http://{host}:{port}"
        self.signatures: list[tuple[str, str]] = []
        aws = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                url = f"http://{headers['host']}{self.path}"
                given = headers["authorization"].rpartition("Signature=")[2]
                aws.signatures.append((given, signature("POST", url, headers, body)))
                status, answer = aws.forward(headers, body)
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self._door.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._door.server_port}"
        self.kms = boto3.client(
            "kms",
            region_name=REGION,
            endpoint_url=self._behind,
            aws_access_key_id=CREDENTIALS.access_key,
            aws_secret_access_key=CREDENTIALS.secret_key,
        )

    def forward(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Asks moto the same."""
        request = urllib.request.Request(self._behind + "/", data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def key(self) -> str:
        """The ARN of a new key."""
        return self.kms.create_key()["KeyMetadata"]["Arn"]

    def close(self) -> None:
        self._door.shutdown()
        self._door.server_close()
        self._moto.stop()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", CREDENTIALS.token)
    aws = Aws()
    yield aws
    aws.close()


def root_key(aws: Aws, key: str) -> str:
    return f'[root_key.kms]\nkey_id = "{key}"\nendpoint = "{aws.endpoint}"\n'


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [os.environ["BOTWARDEN_BIN"], *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )


def credentials(folder: Path) -> int:
    listed = run(folder, "key", "list", "--format", "json")
    assert listed.returncode == 0, listed.stderr
    return len(json.loads(listed.stdout))


def wrapped(folder: Path) -> tuple[bytes, str]:
    """The wrapped key of the tenant, without its version, and its number."""
    with sqlite3.connect(folder / "botwarden-data" / "keyring.db") as database:
        blob, number = database.execute("SELECT wrapped, number FROM tenant_keys").fetchone()
    assert blob[0] == 2
    return blob[1:], number.hex()


def test_aws_keeps_the_root_key_over_restarts(aws: Aws, tmp_path: Path) -> None:
    key = aws.key()
    for round in (1, 2):
        gateway = Gateway(tmp_path, "openai", NO_MODEL, root_key(aws, key))
        gateway.key("chat")
        gateway.close()
        assert credentials(tmp_path) == round
    assert not (tmp_path / "botwarden-data" / "root.key").exists()
    assert aws.signatures
    assert all(given == wanted for given, wanted in aws.signatures)


def test_what_is_wrapped_is_bound_to_its_name(aws: Aws, tmp_path: Path) -> None:
    key = aws.key()
    Gateway(tmp_path, "openai", NO_MODEL, root_key(aws, key)).close()
    blob, number = wrapped(tmp_path)
    context = {"botwarden:tenant": "default", "botwarden:purpose": "tenant", "botwarden:number": number}
    assert len(aws.kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]) == 65
    for other in ({}, {**context, "botwarden:number": "0" * 16}):
        with pytest.raises(ClientError):
            aws.kms.decrypt(CiphertextBlob=blob, EncryptionContext=other)


def test_rotation_and_moves(aws: Aws, tmp_path: Path) -> None:
    first, second = aws.key(), aws.key()
    gateway = Gateway(tmp_path, "openai", NO_MODEL, root_key(aws, first))
    gateway.key("chat")
    gateway.close()
    before, _ = wrapped(tmp_path)
    renewed = run(tmp_path, "keyring", "rotate", "--root")
    assert renewed.stdout == f"rotated: 1 keys wrapped anew under kms:{REGION}/{first}\n", renewed.stderr
    assert wrapped(tmp_path)[0] != before

    config = tmp_path / "botwarden.toml"
    (tmp_path / "before.toml").write_text(config.read_text())
    config.write_text(config.read_text().replace(first, second))
    refused = run(tmp_path, "key", "list")
    assert refused.returncode == 3 and "are wrapped under" in refused.stderr, refused.stderr
    moved = run(tmp_path, "keyring", "move", "--before", "before.toml")
    assert moved.returncode == 0 and f"all are under kms:{REGION}/{second}" in moved.stdout, moved.stderr
    assert credentials(tmp_path) == 1


def test_failures_say_what_to_mend(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = aws.key()
    Gateway(tmp_path, "openai", NO_MODEL, root_key(aws, key)).close()
    config = tmp_path / "botwarden.toml"
    text = config.read_text()
    config.write_text(text.replace(key, key[:-4] + "beef"))
    unknown = run(tmp_path, "keyring", "move", "--before", "botwarden.toml")
    assert unknown.returncode == 3, unknown.stdout
    config.write_text(text)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    missing = run(tmp_path, "key", "list")
    assert missing.returncode == 3 and "the environment has no `AWS_SECRET_ACCESS_KEY`" in missing.stderr
    (tmp_path / "credentials").write_text(
        f"[shop]\naws_access_key_id = {CREDENTIALS.access_key}\naws_secret_access_key = {CREDENTIALS.secret_key}\n"
        f"aws_session_token = {CREDENTIALS.token}\n"
    )
    config.write_text(text + 'credentials_file = "credentials"\nprofile = "shop"\n')
    (tmp_path / "credentials").chmod(0o644)
    opened = run(tmp_path, "key", "list")
    assert opened.returncode == 3 and "chmod 600" in opened.stderr, opened.stderr
    (tmp_path / "credentials").chmod(0o600)
    assert run(tmp_path, "key", "list").returncode == 0
    assert all(given == wanted for given, wanted in aws.signatures)
    for said in (unknown, missing, opened):
        assert CREDENTIALS.secret_key not in said.stderr
