//! The closed loop: so many connections, each asking again as soon as it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Target, check};
use crate::reply::Reply;
use crate::spread::Spread;
use crate::wire::Delivery;

/// How much to ask.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub requests: usize,
    pub connections: usize,
    pub delivery: Delivery,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub requests: usize,
    pub took: Duration,
    /// From writing a question to the end of its answer. At saturation this is queueing, not added latency.
    pub latency: Spread,
}

/// Runs the plan to its end on one thread. An error when any answer is not the one expected.
pub fn run(target: &Target, plan: Plan) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(async { tokio::time::timeout(target.patience, ask_all(target, plan)).await })
        .with_context(|| {
            format!("{} requests were not answered within {:?}", plan.requests, target.patience)
        })?
}

async fn ask_all(target: &Target, plan: Plan) -> anyhow::Result<Outcome> {
    let requests = target.requests(plan.delivery);
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        let stream = TcpStream::connect(target.address).await.context("connecting to the contestant")?;
        stream.set_nodelay(true)?;
        connections.push(stream);
    }
    let started = Instant::now();
    let mut asking = JoinSet::new();
    for stream in connections {
        asking.spawn(ask(stream, Arc::clone(&requests), Arc::clone(&next), plan));
    }
    let mut samples = Vec::with_capacity(plan.requests);
    while let Some(joined) = asking.join_next().await {
        samples.append(&mut joined??);
    }
    let took = started.elapsed();
    Ok(Outcome { requests: samples.len(), took, latency: Spread::of(samples) })
}

/// Asks over one connection until the common count is used up.
async fn ask(
    mut stream: TcpStream,
    requests: Arc<[Vec<u8>]>,
    next: Arc<AtomicUsize>,
    plan: Plan,
) -> anyhow::Result<Vec<Duration>> {
    let mut samples = Vec::with_capacity(plan.requests / plan.connections.max(1) + 1);
    let mut buffer = vec![0; 64 * 1024];
    let mut reply = Reply::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.requests {
            return Ok(samples);
        }
        let Some(request) = requests.get(number % requests.len()) else { return Ok(samples) };
        let asked = Instant::now();
        stream.write_all(request).await?;
        reply.reset();
        while !reply.is_done() {
            let read = stream.read(&mut buffer).await?;
            anyhow::ensure!(read > 0, "the contestant closed a connection after {} answers", samples.len());
            reply.feed(buffer.get(..read).unwrap_or_default(), &mut |_| {})?;
        }
        samples.push(asked.elapsed());
        check(&reply, plan.delivery)?;
    }
}
