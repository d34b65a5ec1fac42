//! `botwarden serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::ConfigFile;
use crate::config::Config;
use crate::server;

/// Serve the gateway until SIGTERM or Ctrl-C.
///
/// When it is ready it prints one line, `ready {"gateway":"http://…","ops":"http://…"}`, to standard output; logs go to standard
/// error. SIGHUP, or a change of the file, reads the configuration again: all of it comes into force, or none. On SIGTERM no new
/// request is taken and those under way are finished.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden serve
  botwarden serve --config /etc/botwarden/botwarden.toml")]
pub(crate) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
}

impl Serve {
    pub(crate) fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let file = self.config.or(before);
        let config = Config::load(&file)?;
        server::run(&file, config)
    }
}
