//! The baseline proxy of this crate.

use std::process::Command;

use anyhow::Context as _;

use super::{Contestant, START_PATIENCE, Site};
use crate::process::{Server, sibling};

const KEY: &str = "bw_bareproxybareproxybareproxybareproxybarepro";

/// Other keys that the proxy knows, so that the look-up is one among many.
const OTHER_KEYS: usize = 100;

/// Where its upstream connections come from. `bare_proxy` says which is the baseline, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pool {
    Joined,
    Spawned,
    Legacy,
}

pub fn start(site: &Site, pool: Pool) -> anyhow::Result<Contestant> {
    let (name, flag) = match pool {
        Pool::Joined => ("bare", "joined"),
        Pool::Spawned => ("bare-spawned", "spawned"),
        Pool::Legacy => ("bare-legacy", "legacy"),
    };
    let mut command = Command::new(sibling("bare_proxy")?);
    command
        .args(["--upstream", &site.upstream.to_string()])
        .args(["--threads", &site.placement.threads().to_string()])
        .args(["--key", KEY, "--pool", flag]);
    for other in 0..OTHER_KEYS {
        command.args(["--key", &format!("bw_other{other:038}")]);
    }
    let server = site
        .placement
        .contestant(|| Server::start(command, name, &site.run.join(format!("{name}.log"))))??;
    let address = server.first_line(START_PATIENCE)?.parse().context("the bare proxy's address")?;
    Contestant::new(name, site, address, KEY, server)
}
