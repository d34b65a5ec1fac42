//! Places that checkpoints are sent to.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use botwarden_audit::SignedCheckpoint;
use botwarden_crypto::hmac_sha256;
use botwarden_reach::{Credentials, Keys, RawSecret, RawSend, Secrets, SendConfig, SendError, Sender};
use botwarden_testkit::{Answer, FakeUpstream, ManualClock, TestLog, soon};
use botwarden_types::{Secret, Tick, UnixMs};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UdpSocket, UnixDatagram, UnixListener};

use crate::tls::{file, terminator};
use crate::vault::Token;
use crate::{patience, told};

/// 2015-08-30T12:36:00Z
const NOW: UnixMs = UnixMs(1_440_938_160_000);

fn raw(to: &str) -> RawSend {
    RawSend {
        name: "elsewhere".into(),
        to: to.into(),
        token: None,
        hmac_key: None,
        retain: None,
        region: None,
        endpoint: None,
        credentials_file: None,
        profile: None,
        ca_file: None,
    }
}

async fn send(raw: RawSend, keys: Keys, checkpoint: &SignedCheckpoint) -> Result<(), SendError> {
    let clock = Arc::new(ManualClock::at(Tick(0), NOW));
    let sender = Sender::new(SendConfig::try_from(raw).unwrap(), keys, clock, patience()).unwrap();
    sender.send(checkpoint).await
}

/// What a message says.
fn read(message: &[u8], checkpoint: &SignedCheckpoint) {
    let text = std::str::from_utf8(message).unwrap();
    assert!(text.is_ascii() && !text.contains('\n'), "{text}");
    let json = text.strip_prefix("<110>1 2015-08-30T12:36:00Z - botwarden - checkpoint - ").expect(text);
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["note"], checkpoint.note());
    assert_eq!((&json["size"], &json["origin"]), (&3.into(), &"example.com/audit".into()));
}

#[tokio::test]
async fn a_folder_takes_a_file_for_each_and_none_is_written_over() {
    let (folder, mut log) = (tempfile::tempdir().unwrap(), TestLog::new("a", 3));
    let to = format!("file://{}", folder.path().display());
    send(raw(&to), Keys::default(), &log.checkpoint()).await.unwrap();
    send(raw(&to), Keys::default(), &log.checkpoint()).await.unwrap();
    log.grow(1);
    send(raw(&to), Keys::default(), &log.checkpoint()).await.unwrap();
    let other = TestLog::new("b", 3);
    send(raw(&to), Keys::default(), &other.checkpoint()).await.unwrap();
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(fs::read_to_string(&names[2]).unwrap(), log.checkpoint().note());
    fs::write(&names[2], "something else").unwrap();
    let taken = send(raw(&to), Keys::default(), &log.checkpoint()).await.unwrap_err();
    assert!(told(&taken).contains("holds something else"), "{taken}");
    assert_eq!(fs::read_to_string(&names[2]).unwrap(), "something else");
    let missing = send(raw(&format!("{to}/mount")), Keys::default(), &log.checkpoint()).await.unwrap_err();
    assert!(told(&missing).contains("the folder has to be there"), "{missing}");
    assert!(!folder.path().join("mount").exists());
}

#[tokio::test]
async fn syslog_takes_one_message_by_every_way() {
    let checkpoint = TestLog::new("a", 3).checkpoint();
    let mut bytes = vec![0; 4096];

    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = format!("syslog+udp://{}", udp.local_addr().unwrap());
    send(raw(&to), Keys::default(), &checkpoint).await.unwrap();
    let length = soon("a datagram", udp.recv(&mut bytes)).await.unwrap();
    read(&bytes[..length], &checkpoint);

    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("syslog+tcp://{}", tcp.local_addr().unwrap());
    let (sent, text) = tokio::join!(send(raw(&to), Keys::default(), &checkpoint), async {
        let (mut socket, _) = soon("a connection", tcp.accept()).await.unwrap();
        let mut text = Vec::new();
        socket.read_to_end(&mut text).await.unwrap();
        text
    });
    sent.unwrap();
    let space = text.iter().position(|byte| *byte == b' ').unwrap();
    let counted: usize = std::str::from_utf8(&text[..space]).unwrap().parse().unwrap();
    assert_eq!(counted, text.len() - space - 1);
    read(&text[space + 1..], &checkpoint);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let unix = UnixDatagram::bind(&path).unwrap();
    let to = format!("syslog+unix://{}", path.display());
    send(raw(&to), Keys::default(), &checkpoint).await.unwrap();
    let length = soon("a datagram", unix.recv(&mut bytes)).await.unwrap();
    read(&bytes[..length], &checkpoint);

    let path = folder.path().join("stream");
    let unix = UnixListener::bind(&path).unwrap();
    let to = format!("syslog+unix://{}", path.display());
    let (sent, text) = tokio::join!(send(raw(&to), Keys::default(), &checkpoint), async {
        let (mut socket, _) = soon("a connection", unix.accept()).await.unwrap();
        let mut text = Vec::new();
        socket.read_to_end(&mut text).await.unwrap();
        text
    });
    sent.unwrap();
    read(text.strip_suffix(b"\n").unwrap(), &checkpoint);
}

/// The certificates are those of the gateway's tests.
#[tokio::test]
async fn syslog_over_tls_goes_to_nobody_who_cannot_show_who_they_are() {
    let checkpoint = TestLog::new("a", 3).checkpoint();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = tcp.local_addr().unwrap().to_string();
    for (certificate, is_trusted) in [("server.pem", true), ("elsewhere.pem", false), ("expired.pem", false)]
    {
        let port = terminator(certificate, behind.clone()).await;
        let to = format!("syslog+tls://127.0.0.1:{port}");
        let raw = RawSend { ca_file: Some(file("ca.pem")), ..raw(&to) };
        let sent = send(raw, Keys::default(), &checkpoint).await;
        assert_eq!(sent.is_ok(), is_trusted, "{certificate}");
        if is_trusted {
            let (mut socket, _) = soon("a connection", tcp.accept()).await.unwrap();
            let mut text = Vec::new();
            socket.read_to_end(&mut text).await.unwrap();
            let space = text.iter().position(|byte| *byte == b' ').unwrap();
            read(&text[space + 1..], &checkpoint);
        }
    }
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_named() {
    let checkpoint = TestLog::new("a", 3).checkpoint();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for to in [format!("syslog+tcp://{closed}"), "syslog+unix:///nonexistent/log".to_owned()] {
        let error = send(raw(&to), Keys::default(), &checkpoint).await.unwrap_err();
        assert!(told(&error).starts_with(&format!("sending to syslog at `{to}`")), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_webhook_is_told_by_whom_and_what() {
    let (hook, checkpoint) =
        (FakeUpstream::start(|_| Answer::json("")).await, TestLog::new("a", 3).checkpoint());
    let secret = |name: &str| Some(RawSecret { env: Some(name.to_owned()), file: None });
    let raw = RawSend { token: secret("T"), hmac_key: secret("K"), ..raw(&hook.url()) };
    let keys = Keys {
        token: Some(Arc::new(Token::new("hunter2"))),
        hmac_key: Some(Arc::new(Token::new("hmac key"))),
        credentials: None,
    };
    send(raw.clone(), keys, &checkpoint).await.unwrap();
    let asked = hook.recorded().remove(0);
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v1"));
    assert_eq!(asked.body, checkpoint.note());
    assert_eq!(asked.headers["authorization"], "Bearer hunter2");
    let code = hmac_sha256(b"hmac key", checkpoint.note().as_bytes());
    let code: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(asked.headers["botwarden-signature"], format!("v1={code}"));
    let keys = Keys { token: Some(Arc::new(Token::new(""))), ..Keys::default() };
    let error = send(raw, keys, &checkpoint).await.unwrap_err();
    assert_eq!(told(&error), "the token for it: the variable `VAULT_TOKEN` is not set");
}

/// A token that comes only once others have had their turn, as one in a pipe or on a mount that hangs.
struct Late(Mutex<Receiver<String>>);

impl Late {
    fn read(&self) -> Result<String, Box<dyn Error + Send + Sync>> {
        Ok(self.0.lock().unwrap().recv_timeout(Duration::from_secs(60))?)
    }
}

impl Secrets for Late {
    fn current(&self) -> Result<Secret, Box<dyn Error + Send + Sync>> {
        Ok(Secret::new(self.read()?))
    }
}

#[tokio::test]
async fn a_secret_that_is_late_holds_up_nobody() {
    let checkpoint = TestLog::new("a", 3).checkpoint();
    let place = FakeUpstream::start(|_| Answer::json("")).await;
    let secret = Some(RawSecret { env: Some("T".to_owned()), file: None });
    let hook = RawSend { token: secret, ..raw(&place.url()) };
    let late = || {
        let (others, token) = sync_channel(3);
        (others, Arc::new(Late(Mutex::new(token))))
    };
    let (others, token) = late();
    let keys = Keys { token: Some(token), ..Keys::default() };
    let turn = async || others.send("hunter2".to_owned()).unwrap();
    tokio::join!(send(hook, keys, &checkpoint), turn()).0.unwrap();
    let (others, token) = late();
    let now = move || Ok(Credentials::from_env(|_| token.read().ok())?);
    let keys = Keys { credentials: Some(Arc::new(now)), ..Keys::default() };
    let turn = async || (0..3).for_each(|_| others.send("x".to_owned()).unwrap());
    tokio::join!(send(bucket(&place.url()), keys, &checkpoint), turn()).0.unwrap();
}

#[tokio::test]
async fn a_webhook_that_does_not_take_it_is_named_without_its_path() {
    let checkpoint = TestLog::new("a", 3).checkpoint();
    for (answer, words) in [
        (Answer::json("").status(500) as Answer, "answered 500 Internal Server Error; it has to answer 2xx"),
        (
            Answer::json("").status(302).header("location", "https://x/"),
            "a redirection, which is not followed",
        ),
        (Answer::never(), "no answer within 0.5 s"),
        (Answer::hang_up(), "closed the connection"),
    ] {
        let answer = Mutex::new(Some(answer));
        let hook = FakeUpstream::start(move |_| answer.lock().unwrap().take().unwrap()).await;
        let error =
            send(raw(&format!("{}/s3cret", hook.url())), Keys::default(), &checkpoint).await.unwrap_err();
        let said = told(&error);
        assert!(said.contains(words) && !said.contains("s3cret"), "{said}");
    }
}

fn bucket(endpoint: &str) -> RawSend {
    RawSend {
        region: Some("eu-central-1".into()),
        retain: Some("365d".into()),
        endpoint: Some(endpoint.trim_end_matches("/v1").into()),
        ..raw("s3://audit-of-the-shop/gateway-1")
    }
}

fn credentials() -> Keys {
    let credentials = || Ok(Credentials::from_env(|name| Some(format!("of-{name}")))?);
    Keys { credentials: Some(Arc::new(credentials)), ..Keys::default() }
}

/// What S3 is sent. That it accepts it is tested against moto (`testdata/clients`).
#[tokio::test]
async fn a_bucket_gets_a_locked_object() {
    let (store, checkpoint) =
        (FakeUpstream::start(|_| Answer::json("")).await, TestLog::new("a", 3).checkpoint());
    send(bucket(&store.url()), credentials(), &checkpoint).await.unwrap();
    let asked = store.recorded().remove(0);
    let name = Path::new(&asked.target);
    assert_eq!(
        (asked.method.as_str(), name.parent().unwrap()),
        ("PUT", Path::new("/audit-of-the-shop/gateway-1"))
    );
    let root = checkpoint.root().to_string();
    assert_eq!(
        name.file_name().unwrap().to_str().unwrap(),
        format!("00000000000000000003-{}.checkpoint", &root[..16])
    );
    assert_eq!(asked.body, checkpoint.note());
    for (header, want) in [
        ("if-none-match", "*"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-object-lock-retain-until-date", "2016-08-29T12:36:00Z"),
        ("x-amz-security-token", "of-AWS_SESSION_TOKEN"),
        ("x-amz-date", "20150830T123600Z"),
    ] {
        assert_eq!(asked.headers[header], want);
    }
    let signed = asked.headers["authorization"].to_str().unwrap();
    assert!(
        signed.contains("/20150830/eu-central-1/s3/aws4_request") && !signed.contains("SECRET"),
        "{signed}"
    );
    let bare = RawSend { retain: Some("none".into()), ..bucket(&store.url()) };
    send(bare, credentials(), &checkpoint).await.unwrap();
    assert!(store.recorded()[1].headers.get("x-amz-object-lock-mode").is_none());
}

#[tokio::test]
async fn a_bucket_that_does_not_take_it_says_what_to_mend() {
    let checkpoint = TestLog::new("a", 3).checkpoint();
    for (status, code, words) in [
        (403, "AccessDenied", "allow `s3:PutObject` and, with `retain`, `s3:PutObjectRetention`"),
        (403, "SignatureDoesNotMatch", "renew or correct the credentials"),
        (404, "NoSuchBucket", "make it, with object lock"),
        (400, "InvalidRequest", "make a bucket with object lock, or write `retain = \"none\"`"),
        (503, "SlowDown", "503 Service Unavailable (SlowDown"),
        (500, "", "it does not say why"),
    ] {
        let body = format!(
            "<Error><Code>{code}</Code><Message>Bucket is missing Object Lock Configuration</Message></Error>"
        );
        let body = if code.is_empty() { String::new() } else { body };
        let store = FakeUpstream::start(move |_| Answer::json(body.clone()).status(status)).await;
        let error = told(&send(bucket(&store.url()), credentials(), &checkpoint).await.unwrap_err());
        assert!(error.contains(words) && !error.contains("of-AWS_SECRET"), "{code}: {error}");
    }
    let there = FakeUpstream::start(|_| Answer::json("").status(412)).await;
    send(bucket(&there.url()), credentials(), &checkpoint).await.expect("it is there already");
}
