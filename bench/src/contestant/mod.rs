//! The proxies under test. Each file starts one of them, in the configuration that the report states.

pub mod bare;
pub mod botwarden;
pub mod litellm;
pub mod nginx;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use crate::load::Target;
use crate::machine::Placement;
use crate::process::{Cpu, Server};

/// How long a server of ours or nginx may take to be ready.
pub(crate) const START_PATIENCE: Duration = Duration::from_secs(20);

/// What contestants have in common in a run.
#[derive(Clone, Debug)]
pub struct Site {
    pub placement: Placement,
    /// The model server.
    pub upstream: SocketAddr,
    /// A folder of this run alone: configurations, logs, state.
    pub run: PathBuf,
    /// Where things that are costly to make are kept between runs.
    pub work: PathBuf,
    /// Botwarden's binary.
    pub botwarden: PathBuf,
    /// How long one load may take.
    pub patience: Duration,
}

/// How nginx passes answers on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buffering {
    /// As Debian ships it: an answer is gathered first.
    On,
    /// Byte by byte as it comes, which streams need.
    Off,
}

/// A proxy that is ready to be asked.
#[derive(Debug)]
pub struct Contestant {
    pub name: &'static str,
    pub target: Target,
    server: Option<Server>,
}

impl Contestant {
    fn new(
        name: &'static str,
        site: &Site,
        address: SocketAddr,
        key: &str,
        server: Server,
    ) -> anyhow::Result<Self> {
        Ok(Self { name, target: Target::new(address, key, site.patience)?, server: Some(server) })
    }

    /// The upstream itself: what a round trip takes with nothing between.
    pub fn direct(site: &Site) -> anyhow::Result<Self> {
        Ok(Self {
            name: "direct",
            target: Target::new(site.upstream, "sk-upstream", site.patience)?,
            server: None,
        })
    }

    pub fn cpu(&self) -> anyhow::Result<Cpu> {
        self.server.as_ref().map_or_else(|| Ok(Cpu::default()), Server::cpu)
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        self.server.as_ref().map_or(0, Server::resident)
    }
}

/// A loopback port that was free a moment ago, for servers that cannot choose one themselves.
fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
