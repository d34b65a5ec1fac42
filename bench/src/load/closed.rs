//! The closed loop: so many connections, each asking again as soon as it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Target, check};
use crate::reply::Reply;
use crate::spread::Spread;
use crate::wire::Delivery;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub requests: usize,
    pub took: Duration,
    /// From writing a question to the end of its answer. At saturation this is queueing, not added latency.
    pub latency: Spread,
}

/// Connections that stay open from one run to the next, so that opening them is not part of what is measured.
#[derive(Debug)]
pub struct Client {
    runtime: tokio::runtime::Runtime,
    connections: Vec<Connection>,
    requests: Arc<[Vec<u8>]>,
    delivery: Delivery,
    patience: Duration,
}

impl Client {
    /// Opens the connections.
    pub fn connect(target: &Target, connections: usize, delivery: Delivery) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let opened: anyhow::Result<Vec<Connection>> = runtime.block_on(async {
            let mut opened = Vec::with_capacity(connections);
            for _ in 0..connections {
                opened.push(Connection::open(target).await?);
            }
            Ok(opened)
        });
        let requests = target.requests(delivery);
        Ok(Self { runtime, connections: opened?, requests, delivery, patience: target.patience })
    }

    /// Asks `count` questions over all connections, on one thread. An error when any answer is not the one expected.
    pub fn run(&mut self, count: usize) -> anyhow::Result<Outcome> {
        let next = Arc::new(AtomicUsize::new(0));
        let started = Instant::now();
        let asking = async {
            let mut tasks = JoinSet::new();
            for connection in self.connections.drain(..) {
                tasks.spawn(connection.ask(
                    Arc::clone(&self.requests),
                    Arc::clone(&next),
                    count,
                    self.delivery,
                ));
            }
            let mut samples = Vec::with_capacity(count);
            while let Some(joined) = tasks.join_next().await {
                let (connection, mut timed) = joined??;
                self.connections.push(connection);
                samples.append(&mut timed);
            }
            anyhow::Ok(samples)
        };
        let samples = self
            .runtime
            .block_on(async { tokio::time::timeout(self.patience, asking).await })
            .with_context(|| {
            format!("{count} requests were not answered within {:?}", self.patience)
        })??;
        Ok(Outcome { requests: samples.len(), took: started.elapsed(), latency: Spread::of(samples) })
    }
}

/// One kept connection.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    reply: Reply,
}

impl Connection {
    async fn open(target: &Target) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(target.address).await.context("connecting to the contestant")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024], reply: Reply::default() })
    }

    /// Asks until the common count is used up; gives itself back, with the time of each answer.
    async fn ask(
        mut self,
        requests: Arc<[Vec<u8>]>,
        next: Arc<AtomicUsize>,
        count: usize,
        delivery: Delivery,
    ) -> anyhow::Result<(Self, Vec<Duration>)> {
        let mut samples = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = requests.get(number % requests.len()).filter(|_| number < count) else {
                return Ok((self, samples));
            };
            let asked = Instant::now();
            self.stream.write_all(request).await?;
            self.reply.reset();
            while !self.reply.is_done() {
                let read = self.stream.read(&mut self.buffer).await?;
                ensure!(read > 0, "the contestant closed a connection after {} answers", samples.len());
                self.reply.feed(self.buffer.get(..read).unwrap_or_default(), &mut |_| {})?;
            }
            samples.push(asked.elapsed());
            check(&self.reply, delivery)?;
        }
    }
}
