//! The rig checked on itself: what its numbers rest on is that every contestant carries the same bytes, whole.

#![expect(clippy::unwrap_used, reason = "what the tests share fails as tests do")]

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use botwarden_bench::load::closed::Client;
use botwarden_bench::load::streams::Held;
use botwarden_bench::load::{Target, open, streams};
use botwarden_bench::process::Server;
use botwarden_bench::upstream::Upstream;
use botwarden_bench::wire::Delivery;

const KEY: &str = "bw_test";
const PATIENCE: Duration = Duration::from_secs(20);
const POOLS: [&str; 3] = ["joined", "spawned", "legacy"];

fn start(program: &str, arguments: &[&str]) -> (Server, SocketAddr) {
    let mut command = Command::new(program);
    command.args(["--threads", "1"]).args(arguments);
    let log = std::env::temp_dir().join(format!("botwarden-bench-{}.log", std::process::id()));
    let server = Server::start(command, "server", &log).unwrap();
    let address = server.first_line(PATIENCE).unwrap().parse().unwrap();
    (server, address)
}

/// A fake model server and a bare proxy before it.
fn site(pool: &str) -> (Server, Server, Target) {
    let (upstream, address) = start(env!("CARGO_BIN_EXE_upstream"), &[]);
    let flags = ["--upstream", &address.to_string(), "--key", KEY, "--pool", pool];
    let (proxy, address) = start(env!("CARGO_BIN_EXE_bare_proxy"), &flags);
    (upstream, proxy, Target::new(address, KEY, PATIENCE).unwrap())
}

#[test]
fn every_question_is_answered_whole_through_every_pool() {
    for pool in POOLS {
        let (_upstream, proxy, target) = site(pool);
        for delivery in [Delivery::Whole, Delivery::Stream] {
            let outcome = Client::connect(&target, 4, delivery).unwrap().run(100).unwrap();
            assert_eq!((outcome.requests, outcome.latency.count()), (100, 100), "{pool} {delivery:?}");
        }
        let spread = open::run(&target, open::Plan { requests: 32, per_second: 2_000.0 }).unwrap();
        assert_eq!(spread.count(), 32, "{pool}");
        assert!(proxy.cpu().unwrap().total > Duration::ZERO, "{pool}");
        assert!(proxy.resident() > 0, "{pool}");
    }
}

#[test]
fn streams_run_side_by_side_through_every_pool() {
    for pool in POOLS {
        let (_upstream, _proxy, target) = site(pool);
        let plan = streams::Plan { at_once: 16, streams_each: 2, spread_over: Duration::ZERO };
        let outcome = streams::run(&target, plan).unwrap();
        assert_eq!((outcome.streams, outcome.first_byte.count()), (32, 32), "{pool}");
    }
}

#[test]
fn held_streams_end_when_released() {
    let (upstream, address) = start(env!("CARGO_BIN_EXE_upstream"), &[]);
    let upstream = Upstream::of(upstream, address);
    let target = Target::new(address, KEY, PATIENCE).unwrap();
    upstream.hold().unwrap();
    let held = Held::open(&target, 8).unwrap();
    assert_eq!(upstream.open_streams().unwrap(), 8);
    upstream.release().unwrap();
    assert_eq!(held.finish(PATIENCE).unwrap(), 8);
}

#[test]
fn a_stranger_is_refused_and_the_load_says_so() {
    let (_upstream, _proxy, target) = site("joined");
    let stranger = Target { key: "bw_other".to_owned(), ..target };
    let error = Client::connect(&stranger, 1, Delivery::Whole).unwrap().run(1).unwrap_err();
    assert!(error.to_string().contains("status 401"), "{error}");
}

#[test]
fn load_goes_to_this_machine_alone() {
    for address in ["192.168.1.1:80", "10.0.0.1:80", "203.0.113.5:80"] {
        assert!(Target::new(address.parse().unwrap(), KEY, PATIENCE).is_err(), "{address}");
    }
}
