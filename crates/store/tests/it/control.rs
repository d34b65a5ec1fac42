//! News between processes, here between two ends in one.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use botwarden_store::DataDir;
use botwarden_store::control::{
    BindError, ControlListener, Handler, Notified, NotifyError, notify_keys_changed,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

fn data_dir() -> (TempDir, DataDir) {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path().join("data")).unwrap();
    (parent, data)
}

/// Counts how often it is called, and answers with the count.
fn counting() -> (Arc<AtomicU64>, Handler) {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let handler: Handler = Arc::new(move |_| {
        let calls = Arc::clone(&counted);
        Box::pin(async move { Ok(calls.fetch_add(1, Ordering::SeqCst) + 1) })
    });
    (calls, handler)
}

/// Runs `ask` while a server on `data` answers with `handler`.
async fn while_serving<T>(data: &DataDir, handler: Handler, ask: impl Future<Output = T>) -> T {
    let listener = ControlListener::bind(data).unwrap();
    tokio::select! {
        () = listener.serve(handler) => panic!("the server stopped"),
        answer = ask => answer,
    }
}

/// Sends raw bytes and gives the whole answer.
async fn raw(data: &DataDir, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(data.path().join("control.sock")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn news_is_acknowledged_after_it_was_acted_on() {
    let (_parent, data) = data_dir();
    let (calls, handler) = counting();
    while_serving(&data, handler, async {
        for generation in 1..=3 {
            assert_eq!(notify_keys_changed(&data).await.unwrap(), Notified::Acknowledged { generation });
            assert_eq!(calls.load(Ordering::SeqCst), generation);
        }
    })
    .await;
}

#[tokio::test]
async fn news_sent_before_the_server_answers_waits() {
    let (_parent, data) = data_dir();
    let (_, handler) = counting();
    let listener = ControlListener::bind(&data).unwrap();
    let early = notify_keys_changed(&data);
    let served = async {
        tokio::task::yield_now().await;
        listener.serve(handler).await;
    };
    tokio::select! {
        () = served => panic!("the server stopped"),
        answer = early => assert_eq!(answer.unwrap(), Notified::Acknowledged { generation: 1 }),
    }
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let (_parent, data) = data_dir();
    let (calls, handler) = counting();
    while_serving(&data, handler, async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let data = data.clone();
            tasks.spawn(async move { notify_keys_changed(&data).await });
        }
        while let Some(answer) = tasks.join_next().await {
            assert!(matches!(answer.unwrap(), Ok(Notified::Acknowledged { .. })));
        }
    })
    .await;
    assert_eq!(calls.load(Ordering::SeqCst), 50);
}

#[tokio::test]
async fn without_a_server_there_is_nobody_to_tell() {
    let (_parent, data) = data_dir();
    assert_eq!(notify_keys_changed(&data).await.unwrap(), Notified::NobodyListens, "never one");
    drop(ControlListener::bind(&data).unwrap());
    assert!(data.path().join("control.sock").exists(), "the file stays behind");
    assert_eq!(notify_keys_changed(&data).await.unwrap(), Notified::NobodyListens, "one that is gone");
}

#[tokio::test]
async fn a_server_that_cannot_act_says_so() {
    let (_parent, data) = data_dir();
    let handler: Handler = Arc::new(|_| Box::pin(async { Err("the disk\nis gone".into()) }));
    let answer = while_serving(&data, handler, notify_keys_changed(&data)).await;
    match answer {
        Err(NotifyError::Refused(reason)) => assert_eq!(reason, "the disk is gone"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_request_changes_nothing() {
    let (_parent, data) = data_dir();
    let (calls, handler) = counting();
    let long = [b'x'; 4096];
    while_serving(&data, handler, async {
        for (name, bytes, want) in [
            ("another request", &b"botwarden-control/1 stop\n"[..], "error"),
            ("another version", b"botwarden-control/2 keys-changed\n", "error"),
            ("more on the line", b"botwarden-control/1 keys-changed now\n", "error"),
            ("an empty line", b"\n", "error"),
            ("nothing", b"", ""),
            ("no end of line", b"botwarden-control/1 keys-changed", ""),
            ("not UTF-8", b"\xff\xfe\n", ""),
        ] {
            let answer = raw(&data, bytes).await;
            assert!(answer.starts_with(want) && (!want.is_empty() || answer.is_empty()), "{name}: {answer}");
        }
        // The server may hang up before it has taken all of it; either way it goes on serving.
        let mut stream = UnixStream::connect(data.path().join("control.sock")).await.unwrap();
        let _ = stream.write_all(&long).await;
        drop(stream);
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        assert!(matches!(notify_keys_changed(&data).await, Ok(Notified::Acknowledged { generation: 1 })));
    })
    .await;
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_a_second_server_refused() {
    let (_parent, data) = data_dir();
    drop(ControlListener::bind(&data).unwrap());
    let (_, handler) = counting();
    while_serving(&data, handler, async {
        let refused = ControlListener::bind(&data).unwrap_err();
        assert!(matches!(refused, BindError::Lock(_)), "{refused}");
        assert!(
            matches!(notify_keys_changed(&data).await, Ok(Notified::Acknowledged { .. })),
            "the first still listens"
        );
    })
    .await;
}

#[tokio::test]
async fn only_the_owner_can_connect() {
    let (_parent, data) = data_dir();
    let _listener = ControlListener::bind(&data).unwrap();
    for name in ["control.sock", "lock"] {
        let mode = std::fs::metadata(data.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// Longer than any `sun_path`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_long_path_works_too() {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path().join("long".repeat(50))).unwrap();
    let (_, handler) = counting();
    let answer = while_serving(&data, handler, notify_keys_changed(&data)).await;
    assert_eq!(answer.unwrap(), Notified::Acknowledged { generation: 1 });
}
