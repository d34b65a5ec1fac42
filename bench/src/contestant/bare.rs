//! The baseline proxy of this crate.

use std::process::Command;

use anyhow::Context as _;

use super::{Contestant, START_PATIENCE, Site};
use crate::process::{Server, sibling};

const KEY: &str = "bw_bareproxybareproxybareproxybareproxybarepro";

/// Other keys that the proxy knows, so that the look-up is one among many.
const OTHER_KEYS: usize = 100;

pub fn start(site: &Site) -> anyhow::Result<Contestant> {
    let mut command = Command::new(sibling("bare_proxy")?);
    command
        .args(["--upstream", &site.upstream.to_string()])
        .args(["--threads", &site.placement.threads().to_string()])
        .args(["--key", KEY]);
    for other in 0..OTHER_KEYS {
        command.args(["--key", &format!("bw_other{other:038}")]);
    }
    let server = site.placement.contestant(|| Server::start(command, "bare", &site.run.join("bare.log")))??;
    let address = server.first_line(START_PATIENCE)?.parse().context("the bare proxy's address")?;
    Contestant::new("bare", site, address, KEY, server)
}
