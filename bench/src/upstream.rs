//! The rig's hand on its fake model server: starting it, and telling it how to pace streams.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::machine::Placement;
use crate::process::{Server, sibling};
use crate::reply::Reply;

/// How long it may take to be ready, or to answer a control.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running model server. Stopped when dropped.
#[derive(Debug)]
pub struct Upstream {
    pub address: SocketAddr,
    _server: Server,
}

impl Upstream {
    /// Starts it where the rig runs.
    pub fn start(placement: Placement, run: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(sibling("upstream")?);
        command.args(["--threads", &placement.threads().to_string()]);
        let server = placement.rig(|| Server::start(command, "upstream", &run.join("upstream.log")))??;
        let address = server.first_line(PATIENCE)?.parse().context("the upstream's address")?;
        Ok(Self::of(server, address))
    }

    /// One that was started by other means.
    pub fn of(server: Server, address: SocketAddr) -> Self {
        Self { address, _server: server }
    }

    /// Streams that start from now on send an event every `pace`; zero sends all at once.
    pub fn pace(&self, pace: Duration) -> anyhow::Result<()> {
        self.control("POST", &format!("/bench/pace?ms={}", pace.as_millis())).map(drop)
    }

    /// Streams that start from now on stop after their first events.
    pub fn hold(&self) -> anyhow::Result<()> {
        self.control("POST", "/bench/hold").map(drop)
    }

    /// Held streams go on.
    pub fn release(&self) -> anyhow::Result<()> {
        self.control("POST", "/bench/release").map(drop)
    }

    /// Streams that are open now.
    pub fn open_streams(&self) -> anyhow::Result<u64> {
        let state: serde_json::Value = serde_json::from_str(&self.control("GET", "/bench/state")?)?;
        state.get("open_streams").and_then(serde_json::Value::as_u64).context("no count of open streams")
    }

    fn control(&self, method: &str, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\n\r\n", self.address)?;
        let (mut reply, mut body, mut buffer) = (Reply::default(), Vec::new(), [0; 1024]);
        while !reply.is_done() {
            let read = stream.read(&mut buffer)?;
            ensure!(read > 0, "the upstream closed a control connection");
            reply.feed(buffer.get(..read).unwrap_or_default(), &mut |part| body.extend_from_slice(part))?;
        }
        ensure!(reply.status() == 200, "{method} {path} was answered with status {}", reply.status());
        Ok(String::from_utf8(body)?)
    }
}
