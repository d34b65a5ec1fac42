//! Bytes that nobody objects to pass unchanged: thousands of synthetic exchanges of each dialect through one gateway, whole
//! and streamed in random cuts, over kept connections, many at once.
//!
//! Exchanges of each dialect: 5,000; `BOTWARDEN_EXCHANGES` sets another number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use botwarden_testkit::synthetic::{Sample, cuts, pieces, sample};
use botwarden_testkit::{Answer, Client, FakeUpstream, GatewayBuilder, Recorded};
use botwarden_types::{Delivery, Dialect, Operation};
use bytes::Bytes;
use http::Method;
use http_body_util::Full;

const EXCHANGES: u64 = 5_000;
/// Connections of each dialect; each carries one exchange after the other.
const CONNECTIONS: usize = 6;
/// Pieces in which an answer goes out, except for each [`FINE`]th, which is cut as its cuts say, down to a piece a byte.
const PIECES_MAX: usize = 12;
const FINE: u64 = 200;

fn exchanges() -> u64 {
    std::env::var("BOTWARDEN_EXCHANGES").map_or(EXCHANGES, |text| text.parse().expect("a number"))
}

fn path(operation: Operation) -> &'static str {
    match operation {
        Operation::ChatCompletions => "/v1/chat/completions",
        Operation::Embeddings => "/v1/embeddings",
        Operation::Messages => "/v1/messages",
        Operation::CountTokens => "/v1/messages/count_tokens",
        Operation::Models => "/v1/models",
    }
}

/// Samples under way, by dialect and seed: whoever asks puts one in, the upstream takes it out.
type UnderWay = Arc<Mutex<HashMap<String, (u64, Sample)>>>;

fn answer(asked: &Recorded, under_way: &UnderWay) -> Answer {
    let name = asked.headers["x-sample"].to_str().unwrap();
    let (seed, sample) = under_way.lock().unwrap().remove(name).expect("a sample is asked for once");
    let arrived = asked.body == sample.request && asked.target == path(sample.operation);
    let mut cuts = cuts(seed ^ 0xB17E, sample.answer.len());
    if seed % FINE > 0 && cuts.len() > PIECES_MAX {
        let each = cuts.len().div_ceil(PIECES_MAX);
        cuts = cuts.into_iter().step_by(each).collect();
    }
    let pieces = pieces(&sample.answer, &cuts).into_iter().map(Bytes::copy_from_slice).collect();
    let answer = match sample.delivery {
        Delivery::Streamed => Answer::events(pieces),
        Delivery::Whole => Answer::pieces("application/json", pieces),
    };
    // Some servers tell the length of a document, others send chunks.
    let answer = match (sample.delivery, seed % 2) {
        (Delivery::Whole, 0) => answer.header("content-length", &sample.answer.len().to_string()),
        _ => answer,
    };
    answer.header("x-arrived", if arrived { "identical" } else { "changed" })
}

async fn exchange(client: &mut Client, dialect: Dialect, seed: u64, under_way: &UnderWay) {
    let sample = sample(dialect, seed);
    let name = format!("{}-{seed}", dialect.as_str());
    under_way.lock().unwrap().insert(name.clone(), (seed, sample.clone()));
    let method = if sample.operation == Operation::Models { Method::GET } else { Method::POST };
    let request = client
        .request(method, path(sample.operation))
        .header("content-type", "application/json")
        .header("x-sample", name);
    let reply = client.send(request.body(Full::from(sample.request.clone())).unwrap()).await;
    let text = || String::from_utf8_lossy(&sample.request).into_owned();
    assert_eq!(reply.decision(), (200, "allowed"), "{dialect:?} {seed}: {} for {}", reply.text(), text());
    assert_eq!(reply.header("x-arrived"), "identical", "{dialect:?} {seed}: {}", text());
    assert!(reply.complete, "{dialect:?} {seed}");
    assert!(
        reply.body == sample.answer,
        "{dialect:?} {seed}: sent\n{}\ngot\n{}",
        String::from_utf8_lossy(&sample.answer),
        String::from_utf8_lossy(&reply.body)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_either_side_sends_arrives_byte_for_byte() {
    let under_way = UnderWay::default();
    let asked_for = under_way.clone();
    let upstream = FakeUpstream::start(move |asked| answer(asked, &asked_for)).await;
    let gateway = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .bot("open", "openai", &upstream.url(), "tools = \"open\"")
        .bot("anth", "anthropic", &upstream.url(), "tools = \"open\"")
        .start()
        .await;
    let all = exchanges();
    let mut crowd = tokio::task::JoinSet::new();
    for (bot, dialect) in [("open", Dialect::OpenAi), ("anth", Dialect::Anthropic)] {
        let key = gateway.key(bot, &["chat"]).await;
        let next = Arc::new(AtomicU64::new(0));
        for _ in 0..CONNECTIONS {
            let (next, key, address) = (next.clone(), key.clone(), gateway.gateway);
            let under_way = under_way.clone();
            crowd.spawn(async move {
                let mut client = Client::connect(address, Some(&key)).await;
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= all {
                        return;
                    }
                    exchange(&mut client, dialect, seed, &under_way).await;
                }
            });
        }
    }
    // The first that fails ends the test.
    while let Some(done) = crowd.join_next().await {
        done.unwrap();
    }
    assert_eq!(upstream.requests() as u64, 2 * all);
    assert!(upstream.connections() <= 2 * CONNECTIONS, "connections to the upstream are kept");
}
