//! nginx as a plain reverse proxy: no key check, no log, kept connections to the upstream.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Buffering, Contestant, START_PATIENCE, Site, free_port};
use crate::process::Server;

/// Starts nginx, or says how to get it and returns none.
pub fn start(site: &Site, buffering: Buffering) -> anyhow::Result<Option<Contestant>> {
    let Some(program) = program() else {
        eprintln!("nginx is left out: it is not installed (Debian: apt-get install nginx-light)");
        return Ok(None);
    };
    let folder = site.run.join("nginx");
    fs::create_dir_all(&folder)?;
    let address = free_port()?;
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(site, &folder, &address.to_string(), buffering))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(&folder).arg("-c").arg(&file).arg("-e").arg(folder.join("error.log"));
    let mut server =
        site.placement.contestant(|| Server::start(command, "nginx", &site.run.join("nginx.log")))??;
    server.await_port(address, START_PATIENCE)?;
    Contestant::new("nginx", site, address, "sk-unchecked", server).map(Some)
}

/// Its version as it states it.
pub fn version() -> Option<String> {
    let output = Command::new(program()?).arg("-v").output().ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    text.trim().rsplit_once('/').map(|(_, version)| version.to_owned())
}

/// `/usr/sbin` is not on every user's path.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    folders.map(|folder| folder.join("nginx")).find(|program| program.exists())
}

fn configuration(site: &Site, folder: &Path, listen: &str, buffering: Buffering) -> String {
    // Started by root, workers would otherwise become another user, who cannot enter the folder.
    let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
    let buffering = if buffering == Buffering::On { "on" } else { "off" };
    let (threads, upstream, folder) = (site.placement.threads(), site.upstream, folder.display());
    format!(
        "daemon off; {user}
worker_processes {threads};
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream model {{
    server {upstream};
    keepalive 1024;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {listen} backlog=4096;
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Authorization \"Bearer sk-upstream\";
      proxy_buffering {buffering};
    }}
  }}
}}
"
    )
}
