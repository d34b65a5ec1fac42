"""Checkpoints of the audit log in a bucket: moto answers as S3 does, and botocore signs every request once more."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aws import CREDENTIALS, REGION, Aws, run, service
from gateway import Gateway

NO_MODEL = "http://127.0.0.1:9/v1"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with service("s3", monkeypatch) as aws:
        yield aws


def make_bucket(s3: Aws, name: str, lock: bool) -> None:
    s3.client.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=lock,
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )


def objects(s3: Aws, bucket: str) -> list[str]:
    return sorted(it["Key"] for it in s3.client.list_objects_v2(Bucket=bucket).get("Contents", []))


def audit(s3: Aws, bucket: str) -> str:
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


def test_checkpoints_lie_locked_in_the_bucket(s3: Aws, tmp_path: Path) -> None:
    make_bucket(s3, "audit-of-the-shop", lock=True)
    Gateway(tmp_path, "openai", NO_MODEL, audit(s3, "audit-of-the-shop")).close()
    first = objects(s3, "audit-of-the-shop")
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
    assert objects(s3, "audit-of-the-shop") == first, "what is there is not written over"
    versions = s3.client.list_object_versions(Bucket="audit-of-the-shop")["Versions"]
    assert len(versions) == len(first), "not as another version either"
    assert s3.signatures
    assert all(given == wanted for given, wanted in s3.signatures)


def test_failures_say_what_to_mend(s3: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Gateway(tmp_path, "openai", NO_MODEL, audit(s3, "nobodys-bucket")).close()
    unknown = run(tmp_path, "audit", "witness")
    assert unknown.returncode == 3 and "NoSuchBucket" in unknown.stdout, unknown.stdout
    assert "make it, with object lock" in unknown.stdout
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    missing = run(tmp_path, "audit", "witness")
    assert missing.returncode == 3 and "the environment has no `AWS_SECRET_ACCESS_KEY`" in missing.stdout
    for said in (unknown, missing):
        assert CREDENTIALS.secret_key not in said.stdout + said.stderr
