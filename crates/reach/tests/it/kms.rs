//! The AWS Key Management Service: what it is sent. That it accepts it is tested against moto (`testdata/clients`).

use std::sync::Arc;

use botwarden_crypto::{RootProvider, SecretKey};
use botwarden_reach::{AwsKms, Credentials, KmsConfig, RawKms};
use botwarden_testkit::{Answer, FakeUpstream, ManualClock, Recorded};
use botwarden_types::{Tick, UnixMs};
use serde_json::{Value, json};

use crate::{name, patience, told};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// 2015-08-30T12:36:00Z
const NOW: UnixMs = UnixMs(1_440_938_160_000);

fn root(endpoint: &str) -> AwsKms {
    let raw = RawKms {
        key_id: KEY.into(),
        region: None,
        endpoint: Some(endpoint.trim_end_matches("/v1").into()),
        credentials_file: None,
        profile: None,
        ca_file: None,
    };
    let credentials = || Ok(Credentials::from_env(|name| Some(format!("of-{name}")))?);
    let clock = Arc::new(ManualClock::at(Tick(0), NOW));
    AwsKms::new(KmsConfig::try_from(raw).unwrap(), Arc::new(credentials), clock, patience()).unwrap()
}

/// Wraps by turning around: the blob is the plaintext, and the context has to be the same.
fn well(asked: &Recorded) -> Answer {
    let question: Value = serde_json::from_slice(&asked.body).unwrap();
    match asked.headers["x-amz-target"].to_str().unwrap() {
        "TrentService.Encrypt" => {
            Answer::json(json!({ "CiphertextBlob": question["Plaintext"], "KeyId": KEY }).to_string())
        }
        _ => Answer::json(json!({ "Plaintext": question["CiphertextBlob"], "KeyId": KEY }).to_string()),
    }
}

#[tokio::test]
async fn a_key_comes_back_under_its_name_alone() {
    let aws = FakeUpstream::start(well).await;
    let (root, key) = (root(&aws.url()), SecretKey::generate().unwrap());
    assert_eq!(root.id(), format!("kms:eu-central-1/{KEY}"));
    let wrapped = root.wrap(name(1), &key).await.unwrap();
    assert!(root.unwrap(name(1), &wrapped).await.unwrap().is(&key));
    assert!(root.unwrap(name(2), &wrapped).await.is_err(), "even where the context is passed over");
    for asked in aws.recorded() {
        let question: Value = serde_json::from_slice(&asked.body).unwrap();
        assert_eq!(question["KeyId"], KEY);
        assert_eq!(question["EncryptionContext"]["botwarden:purpose"], "tenant");
        let signed = asked.headers["authorization"].to_str().unwrap();
        let start = "AWS4-HMAC-SHA256 Credential=of-AWS_ACCESS_KEY_ID/20150830/eu-central-1/kms/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=";
        assert!(signed.starts_with(start) && !signed.contains("SECRET"), "{signed}");
        assert_eq!(asked.headers["x-amz-date"], "20150830T123600Z");
        assert_eq!(asked.headers["x-amz-security-token"], "of-AWS_SESSION_TOKEN");
    }
}

#[tokio::test]
async fn failures_say_what_to_mend_and_keep_the_credentials_to_themselves() {
    for (status, body, calls, words) in [
        (
            400,
            r#"{"__type":"AccessDeniedException","Message":"no"}"#,
            1,
            "allow `kms:Encrypt` and `kms:Decrypt`",
        ),
        (400, r#"{"__type":"InvalidSignatureException","message":"Signature expired"}"#, 1, "clock wrong"),
        (400, r#"{"__type":"ThrottlingException"}"#, 3, "ThrottlingException"),
        (500, "", 3, "500 Internal Server Error"),
        (200, "<html>", 1, "is `endpoint` right"),
    ] {
        let aws = FakeUpstream::start(move |_| Answer::json(body).status(status)).await;
        let error = root(&aws.url()).wrap(name(1), &SecretKey::generate().unwrap()).await.unwrap_err();
        let error = told(&error);
        assert!(error.contains(words) && !error.contains("of-AWS_SECRET"), "{body}: {error}");
        assert_eq!(aws.requests(), calls, "{body}");
    }
}
