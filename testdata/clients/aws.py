"""AWS as moto plays it, behind a door that compares signatures: moto itself accepts any."""

import os
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/session+token=")
# Signers of the services, by name.
SIGNERS = {"s3": S3SigV4Auth, "kms": SigV4Auth}


class Aws:
    """One service. `signatures` holds what each request was signed with, and what botocore makes of the same request."""

    def __init__(self, service: str) -> None:
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self._behind = f"http://{host}:{port}"
        self._signer = SIGNERS[service](CREDENTIALS, service, REGION)
        self.signatures: list[tuple[str, str]] = []
        aws = self

        class Door(BaseHTTPRequestHandler):
            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                url = f"http://{headers['host']}{self.path}"
                given = headers["authorization"].rpartition("Signature=")[2]
                aws.signatures.append((given, aws.signature(self.command, url, headers, body)))
                status, kind, answer = aws.forward(self.command, self.path, headers, body)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_PUT = pass_on

            def log_message(self, *_: object) -> None:
                pass

        self._door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self._door.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._door.server_port}"
        self.client = boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self._behind,
            aws_access_key_id=CREDENTIALS.access_key,
            aws_secret_access_key=CREDENTIALS.secret_key,
            config=Config(s3={"addressing_style": "path"}),
        )

    def signature(self, method: str, url: str, headers: dict[str, str], body: bytes) -> str:
        """What botocore makes of a request."""
        signed = {
            name: value for name, value in headers.items() if name not in ("authorization", "content-length")
        }
        request = AWSRequest(method, url, data=body, headers=signed)
        request.context["timestamp"] = headers["x-amz-date"]
        canonical = self._signer.canonical_request(request)
        return self._signer.signature(self._signer.string_to_sign(request, canonical), request)

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Asks moto the same; its status, kind of content and body."""
        request = urllib.request.Request(self._behind + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers.get("content-type", ""), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("content-type", ""), error.read()

    def close(self) -> None:
        self._door.shutdown()
        self._door.server_close()
        self._moto.stop()


@contextmanager
def service(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The service, and credentials for it in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", CREDENTIALS.token)
    aws = Aws(name)
    try:
        yield aws
    finally:
        aws.close()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Botwarden, in a folder."""
    return subprocess.run(
        [os.environ["BOTWARDEN_BIN"], *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )
