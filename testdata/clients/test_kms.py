"""The root key with AWS: moto answers as its Key Management Service does, and botocore signs every request once more."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from aws import CREDENTIALS, REGION, Aws, run, service
from gateway import Gateway

NO_MODEL = "http://127.0.0.1:9/v1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with service("kms", monkeypatch) as aws:
        yield aws


def new_key(aws: Aws) -> str:
    """The ARN of a new key."""
    return aws.client.create_key()["KeyMetadata"]["Arn"]


def root_key(aws: Aws, key: str) -> str:
    return f'[root_key.kms]\nkey_id = "{key}"\nendpoint = "{aws.endpoint}"\n'


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
    key = new_key(aws)
    for round in (1, 2):
        gateway = Gateway(tmp_path, "openai", NO_MODEL, root_key(aws, key))
        gateway.key("chat")
        gateway.close()
        assert credentials(tmp_path) == round
    assert not (tmp_path / "botwarden-data" / "root.key").exists()
    assert aws.signatures
    assert all(given == wanted for given, wanted in aws.signatures)


def test_what_is_wrapped_is_bound_to_its_name(aws: Aws, tmp_path: Path) -> None:
    key = new_key(aws)
    Gateway(tmp_path, "openai", NO_MODEL, root_key(aws, key)).close()
    blob, number = wrapped(tmp_path)
    context = {"botwarden:tenant": "default", "botwarden:purpose": "tenant", "botwarden:number": number}
    assert len(aws.client.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]) == 65
    for other in ({}, {**context, "botwarden:number": "0" * 16}):
        with pytest.raises(ClientError):
            aws.client.decrypt(CiphertextBlob=blob, EncryptionContext=other)


def test_rotation_and_moves(aws: Aws, tmp_path: Path) -> None:
    first, second = new_key(aws), new_key(aws)
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
    key = new_key(aws)
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
