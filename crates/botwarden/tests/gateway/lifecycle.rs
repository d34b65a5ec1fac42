//! Ending, changing and dying while requests are under way.

use std::fs::File;
use std::io;

use botwarden_testkit::{FakeUpstream, Wire};
use bytes::Bytes;

use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, openai};

#[tokio::test]
async fn a_drain_finishes_what_is_under_way_and_takes_nothing_new() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let mut shop = openai().before(upstream).await;
    let mut client = shop.client().await;
    let mut idle = Wire::connect(shop.gateway.gateway).await;
    idle.send(shop.raw("/v1/none", "")).await;
    assert_eq!(idle.reply().await.expect("an answer").status, 404);
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(Bytes::from_static(EVENTS[0].as_bytes())).await.unwrap();
        feed
    };
    let (mut stream, feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
    stream.until("On ").await;
    assert_eq!(shop.gateway.ops("/readyz").await, (200, "ready\n".to_owned()));
    shop.gateway.logs("stopping", shop.gateway.signal("TERM")).await;
    assert!(idle.ended().await.is_empty(), "a connection on which nothing is asked is closed");
    for path in ["/readyz", "/healthz", "/health/readiness"] {
        assert_eq!(shop.gateway.ops(path).await, (503, "draining\n".to_owned()), "{path}");
    }
    assert_eq!(shop.gateway.ops("/livez").await.0, 200);
    // Whoever comes now finds nobody, or is left without an answer if the kernel took the connection before.
    match Wire::try_connect(shop.gateway.gateway).await {
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused),
        Ok(mut late) => {
            late.send(shop.raw(CHAT, ASK)).await;
            assert!(late.ended().await.is_empty());
        }
    }
    feed.send(Bytes::from(EVENTS[1..].concat())).await.unwrap();
    drop(feed);
    let reply = stream.rest().await;
    assert_eq!((reply.text(), reply.complete), (EVENTS.concat().as_str(), true));
    assert_eq!(shop.gateway.ended().await, Some(0));
    assert_eq!(shop.upstream.requests(), 1);
}

#[tokio::test]
async fn a_drain_finishes_http2_streams_and_takes_no_more_of_them() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let mut shop = openai().before(upstream).await;
    let (mut client, mut idle) = (shop.http2().await, shop.http2().await);
    assert_eq!(idle.get("/v1/none").await.status, 404);
    let (stream, feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeds.next());
    shop.gateway.logs("stopping", shop.gateway.signal("TERM")).await;
    feed.send(Bytes::from(EVENTS.concat())).await.unwrap();
    drop(feed);
    let reply = stream.rest().await;
    assert_eq!((reply.text(), reply.complete), (EVENTS.concat().as_str(), true));
    assert_eq!(shop.gateway.ended().await, Some(0));
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let mut shop = openai().top("[timeouts]\ndrain = \"200ms\"").before(upstream).await;
    let mut client = shop.client().await;
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(Bytes::from_static(EVENTS[0].as_bytes())).await.unwrap();
        feed
    };
    let (stream, _feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
    shop.gateway.signal("TERM").await;
    assert_eq!(shop.gateway.ended().await, Some(0));
    assert!(!stream.rest().await.complete);
    assert!(shop.gateway.log().contains("connections were cut"), "{}", shop.gateway.log());
}

#[tokio::test]
async fn a_second_signal_ends_a_drain_at_once() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let mut shop = openai().top("[timeouts]\ndrain = \"5m\"").before(upstream).await;
    let mut client = shop.client().await;
    let (stream, _feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeds.next());
    shop.gateway.logs("stopping", shop.gateway.signal("TERM")).await;
    shop.gateway.signal("INT").await;
    assert_eq!(shop.gateway.ended().await, Some(0));
    assert!(!stream.rest().await.complete);
    let log = shop.gateway.log();
    assert!(log.contains("connections were cut") && !log.contains("was not closed"), "{log}");
}

const LIMIT: &str = "per = \"user\"\nrequests = 1\nwindow = \"1d\"";

#[tokio::test]
async fn a_reload_is_in_force_for_the_next_request() {
    let shop = openai().bot("models = [\"gpt-*\"]").limit(LIMIT).start().await;
    let mut client = shop.client_for("alice").await;
    assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"));
    assert_eq!(client.post(CHAT, ASK).await.decision(), (429, "rate-limit"));
    shop.gateway.edit("requests = 1", "requests = 3");
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    let reply = client.post(CHAT, ASK).await;
    assert_eq!((reply.decision(), reply.header("x-ratelimit-remaining-requests")), ((200, "allowed"), "1"));
    shop.gateway.edit("gpt-*", "o*");
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    let refused = client.post(CHAT, r#"{"model":"gpt-4o","messages":[]}"#).await;
    assert_eq!(refused.decision(), (404, "model-not-granted"));
}

/// Nothing of the file's name shows the change, so it is the signal that brings it.
#[tokio::test]
async fn a_signal_alone_reloads() {
    let shop = openai().limit(LIMIT).start().await;
    let modified = File::open(shop.gateway.config()).unwrap().metadata().unwrap().modified().unwrap();
    shop.gateway.edit("requests = 1", "requests = 2");
    File::options().append(true).open(shop.gateway.config()).unwrap().set_modified(modified).unwrap();
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    let reply = shop.client_for("alice").await.post(CHAT, ASK).await;
    assert_eq!(reply.header("x-ratelimit-limit-requests"), "2");
}

#[tokio::test]
async fn a_change_of_the_file_is_noticed() {
    let shop = openai().limit(LIMIT).start().await;
    shop.gateway
        .logs("configuration reloaded", async { shop.gateway.edit("requests = 1", "requests = 42") })
        .await;
    let reply = shop.client_for("alice").await.post(CHAT, ASK).await;
    assert_eq!(reply.header("x-ratelimit-limit-requests"), "42");
}

#[tokio::test]
async fn a_file_that_cannot_be_in_force_changes_nothing_and_is_logged() {
    let shop = openai().limit(LIMIT).start().await;
    let good = std::fs::read_to_string(shop.gateway.config()).unwrap();
    let data = "data_dir = \"elsewhere\"\n";
    for (name, broken, said) in [
        ("no TOML", good.replace("requests = 1", "requests = "), "botwarden.toml"),
        ("a value out of bounds", good.replace("requests = 1", "requests = 0"), "requests"),
        ("an unknown key", format!("{good}\nburst = 3\n"), "burst"),
        ("no bot", good[..good.find("[[bot]]").unwrap()].to_owned(), "bot"),
        ("a key that is not there", good.replace("PROVIDER_KEY", "OTHER_KEY"), "OTHER_KEY"),
        ("another data directory", format!("{data}{good}"), "`data_dir` changed, which takes a restart"),
        ("another port", good.replace("ops = \"127.0.0.1:0\"", "ops = \"127.0.0.1:1\""), "takes a restart"),
    ] {
        std::fs::write(shop.gateway.config(), broken).unwrap();
        shop.gateway.logs("configuration not reloaded", shop.gateway.signal("HUP")).await;
        let log = shop.gateway.log();
        assert!(log.contains(said), "{name}: {log}");
        let reply = shop.client_for(name).await.post(CHAT, ASK).await;
        assert_eq!((reply.status, reply.header("x-ratelimit-limit-requests")), (200, "1"), "{name}");
    }
    let metrics = shop.gateway.ops("/metrics").await.1;
    assert!(metrics.contains("botwarden_config_reloads_total{result=\"refused\"}"), "{metrics}");
    assert!(!metrics.contains("result=\"applied\""), "{metrics}");
    std::fs::write(shop.gateway.config(), good.replace("requests = 1", "requests = 2")).unwrap();
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    let reply = shop.client_for("alice").await.post(CHAT, ASK).await;
    assert_eq!(reply.header("x-ratelimit-limit-requests"), "2");
}
