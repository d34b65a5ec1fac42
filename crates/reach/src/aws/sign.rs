//! AWS Signature Version 4, as far as requests without a query take it.
//!
//! Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

use botwarden_crypto::{hmac_sha256, sha256};
use botwarden_types::UnixMs;
use zeroize::Zeroizing;

use super::credentials::Credentials;

/// What is signed.
pub(crate) struct Signable<'a> {
    pub(crate) method: &'a str,
    /// As it is sent: what it holds needs no encoding.
    pub(crate) path: &'a str,
    /// Names in lower case and in alphabetical order, `host` and `x-amz-date` among them; values without spaces around them.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// When and where a signature holds.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// `20150830T123600Z`
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// The time as AWS writes it: `20150830T123600Z`.
pub(crate) fn date(now: UnixMs) -> String {
    now.rfc3339().replace(['-', ':'], "")
}

/// The value of `authorization`.
pub(crate) fn authorization(signable: &Signable<'_>, scope: Scope<'_>, credentials: &Credentials) -> String {
    let names: Vec<&str> = signable.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let headers: String = signable.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let payload = hex(&sha256(signable.body));
    let canonical = format!("{}\n{}\n\n{headers}\n{names}\n{payload}", signable.method, signable.path);
    let day = scope.date.get(..8).unwrap_or_default();
    let place = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{}\n{place}\n{}", scope.date, hex(&sha256(canonical.as_bytes())));
    let mut key = Zeroizing::new(format!("AWS4{}", credentials.secret_key.expose()).into_bytes());
    for part in [day, scope.region, scope.service, "aws4_request"] {
        key = Zeroizing::new(hmac_sha256(&key, part.as_bytes()).to_vec());
    }
    let signature = hex(&*hmac_sha256(&key, to_sign.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{place}, SignedHeaders={names}, Signature={signature}",
        credentials.access_key
    )
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use botwarden_types::Secret;

    use super::*;

    /// A token of no account. Source: the suite's `post-sts-token/readme.txt`.
    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    /// Source: AWS Signature Version 4 test suite (`aws-sig-v4-test-suite`), those of its requests that have no query.
    #[test]
    fn the_published_suite() {
        let secret_key = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into());
        let credentials = Credentials { access_key: "AKIDEXAMPLE".into(), secret_key, session_token: None };
        let (host, date) = (("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z"));
        let form = ("content-type", "application/x-www-form-urlencoded");
        for (name, method, headers, body, want) in [
            (
                "get-vanilla",
                "GET",
                vec![host, date],
                "",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "post-vanilla",
                "POST",
                vec![host, date],
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-header-key-sort",
                "POST",
                vec![host, ("my-header1", "value1"), date],
                "",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            (
                "post-x-www-form-urlencoded",
                "POST",
                vec![form, host, date],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "post-sts-header-before",
                "POST",
                vec![host, date, ("x-amz-security-token", TOKEN)],
                "",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
        ] {
            let signable = Signable { method, path: "/", headers: &headers, body: body.as_bytes() };
            let scope = Scope { date: "20150830T123600Z", region: "us-east-1", service: "service" };
            let got = authorization(&signable, scope, &credentials);
            let names: Vec<_> = headers.iter().map(|it| it.0).collect();
            let want = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={}, Signature={want}",
                names.join(";")
            );
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(date(UnixMs(1_440_938_160_000)), "20150830T123600Z");
    }
}
