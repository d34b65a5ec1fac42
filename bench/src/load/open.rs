//! The open loop: questions at a fixed rate, whatever the answers do.
//!
//! Each latency counts from when the question *should* have been asked, so a server that stalls is charged for all the
//! questions that the stall delayed (the "coordinated omission" that closed loops suffer from; G. Tene, "How NOT to
//! Measure Latency", 2013). Plain blocking threads, each with a connection and a share of the schedule: they wake on
//! the kernel's high-resolution timer, where an async runtime's wheel would add up to a millisecond.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use super::{Target, check};
use crate::reply::Reply;
use crate::spread::Spread;
use crate::wire::Delivery;

/// Threads that share the schedule: at 500 requests/s each has 32 ms for an answer before it falls behind.
const THREADS: usize = 16;

/// How much to ask, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub requests: usize,
    pub per_second: f64,
}

/// Runs the plan: latencies from the intended start to the end of the answer.
pub fn run(target: &Target, plan: Plan) -> anyhow::Result<Spread> {
    let requests = target.requests(Delivery::Whole);
    // A moment's grace, so that every thread is connected when its first question is due.
    let start = Instant::now() + Duration::from_millis(100);
    let mut samples = Vec::with_capacity(plan.requests);
    let all: Vec<anyhow::Result<Vec<Duration>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| {
                scope.spawn({
                    let requests = &requests;
                    move || ask(target, plan, requests, first, start)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap_or_else(|_| Err(anyhow!("a load thread panicked"))))
            .collect()
    });
    for each in all {
        samples.append(&mut each?);
    }
    Ok(Spread::of(samples))
}

/// Asks questions `first`, `first + THREADS`, … each at its time.
fn ask(
    target: &Target,
    plan: Plan,
    requests: &[Vec<u8>],
    first: usize,
    start: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(target.address).context("connecting to the contestant")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(target.patience))?;
    let mut buffer = vec![0; 64 * 1024];
    let mut reply = Reply::default();
    let mut samples = Vec::with_capacity(plan.requests / THREADS + 1);
    for number in (first..plan.requests).step_by(THREADS) {
        let due = start + Duration::from_secs_f64(number as f64 / plan.per_second);
        wait_until(due);
        let request = requests.get(number % requests.len()).map(Vec::as_slice).unwrap_or_default();
        stream.write_all(request)?;
        reply.reset();
        while !reply.is_done() {
            let read = stream.read(&mut buffer).context("waiting for an answer")?;
            anyhow::ensure!(read > 0, "the contestant closed a connection");
            reply.feed(buffer.get(..read).unwrap_or_default(), &mut |_| {})?;
        }
        samples.push(due.elapsed());
        check(&reply, Delivery::Whole)?;
    }
    Ok(samples)
}

#[expect(clippy::disallowed_methods, reason = "the schedule of a load is the passing of time")]
fn wait_until(due: Instant) {
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
}
