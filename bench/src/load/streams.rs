//! Many event streams at once: when does the first byte come, and does any stream stall?

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Target, check};
use crate::reply::Reply;
use crate::spread::Spread;
use crate::wire::Delivery;

/// So many slots, each of which runs one stream after the other.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub at_once: usize,
    pub streams_each: usize,
    /// Over how long the first streams start, so that starts are spread evenly and not one burst.
    pub spread_over: Duration,
}

/// What the client saw.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub streams: usize,
    /// From writing the question to the first byte of the answer's body.
    pub first_byte: Spread,
    /// Between one arrival of body bytes and the next, in any stream.
    pub gap: Spread,
}

/// One stream's moments.
struct Seen {
    first_byte: Vec<Duration>,
    gaps: Vec<Duration>,
}

/// Runs all streams to their ends on one thread.
pub fn run(target: &Target, plan: Plan) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(async { tokio::time::timeout(target.patience, follow_all(target, plan)).await })
        .with_context(|| format!("the streams did not end within {:?}", target.patience))?
}

async fn follow_all(target: &Target, plan: Plan) -> anyhow::Result<Outcome> {
    let requests = target.requests(Delivery::Stream);
    let barrier = Arc::new(Barrier::new(plan.at_once));
    let mut slots = JoinSet::new();
    for slot in 0..plan.at_once {
        let stream = TcpStream::connect(target.address).await.context("connecting to the contestant")?;
        stream.set_nodelay(true)?;
        let (requests, barrier) = (Arc::clone(&requests), Arc::clone(&barrier));
        let delay = plan.spread_over.mul_f64(slot as f64 / plan.at_once as f64);
        slots.spawn(async move {
            barrier.wait().await;
            tokio::time::sleep(delay).await;
            follow(stream, requests.get(slot % requests.len()).map(Vec::as_slice), plan.streams_each).await
        });
    }
    let (mut first_byte, mut gaps) = (Vec::new(), Vec::new());
    while let Some(joined) = slots.join_next().await {
        let mut seen = joined??;
        first_byte.append(&mut seen.first_byte);
        gaps.append(&mut seen.gaps);
    }
    Ok(Outcome { streams: first_byte.len(), first_byte: Spread::of(first_byte), gap: Spread::of(gaps) })
}

async fn follow(mut stream: TcpStream, request: Option<&[u8]>, times: usize) -> anyhow::Result<Seen> {
    let request = request.context("no request to send")?;
    let mut seen = Seen { first_byte: Vec::new(), gaps: Vec::new() };
    let mut buffer = vec![0; 16 * 1024];
    let mut reply = Reply::default();
    for _ in 0..times {
        reply.reset();
        let mut last = Instant::now();
        stream.write_all(request).await?;
        while !reply.is_done() {
            let read = stream.read(&mut buffer).await?;
            ensure!(read > 0, "the contestant cut a stream after {} events", reply.events());
            let before = reply.body_bytes();
            reply.feed(buffer.get(..read).unwrap_or_default(), &mut |_| {})?;
            if reply.body_bytes() > before {
                let now = Instant::now();
                let list = if before == 0 { &mut seen.first_byte } else { &mut seen.gaps };
                list.push(now - last);
                last = now;
            }
        }
        check(&reply, Delivery::Stream)?;
    }
    Ok(seen)
}

/// Streams that were opened and are kept so.
pub struct Held {
    runtime: tokio::runtime::Runtime,
    streams: Vec<(TcpStream, Reply)>,
}

impl Held {
    /// Opens `count` streams and returns once each has shown its first event. The upstream is to be told beforehand to
    /// hold them.
    pub fn open(target: &Target, count: usize) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let requests = target.requests(Delivery::Stream);
        let opened = runtime.block_on(async {
            let opening = async {
                let mut streams = Vec::with_capacity(count);
                for number in 0..count {
                    let mut stream = TcpStream::connect(target.address).await?;
                    stream.set_nodelay(true)?;
                    let request = requests.get(number % requests.len()).map(Vec::as_slice);
                    stream.write_all(request.unwrap_or_default()).await?;
                    let mut reply = Reply::default();
                    read_while(&mut stream, &mut reply, |reply| reply.events() == 0).await?;
                    streams.push((stream, reply));
                }
                anyhow::Ok(streams)
            };
            tokio::time::timeout(target.patience, opening).await
        });
        let streams = opened
            .with_context(|| format!("{count} streams did not open within {:?}", target.patience))??;
        Ok(Self { runtime, streams })
    }

    /// Reads all streams to their ends, after the upstream was told to release them.
    pub fn finish(self, patience: Duration) -> anyhow::Result<usize> {
        let Self { runtime, mut streams } = self;
        let finishing = async {
            for (stream, reply) in &mut streams {
                read_while(stream, reply, |reply| !reply.is_done()).await?;
                check(reply, Delivery::Stream)?;
            }
            anyhow::Ok(streams.len())
        };
        runtime
            .block_on(async { tokio::time::timeout(patience, finishing).await })
            .context("held streams did not end in time")?
    }
}

async fn read_while(
    stream: &mut TcpStream,
    reply: &mut Reply,
    more: impl Fn(&Reply) -> bool,
) -> anyhow::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    while more(reply) {
        let read = stream.read(&mut buffer).await?;
        ensure!(read > 0, "the contestant cut a held stream after {} events", reply.events());
        reply.feed(buffer.get(..read).unwrap_or_default(), &mut |_| {})?;
    }
    Ok(())
}
