//! The command line: what may be asked, and who does it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};

use crate::background;
use crate::command::{
    approval, audit, backup, check, completions, config_schema, demo, fernet, init, key, keyring, man,
    policy, quarantine, serve, subject,
};
use crate::exit;

/// The configuration that is read unless another is named.
pub(crate) const CONFIG_FILE: &str = "botwarden.toml";
/// Names another.
const CONFIG_VARIABLE: &str = "BOTWARDEN_CONFIG";

/// Stands between people and an AI bot, and between that bot and its models, tools and data.
///
/// Botwarden starts from the assumption that the bot is already hijacked and still keeps people safe: applications keep their
/// SDK and change its base URL; Botwarden checks who asks, how much, and what for, and forwards what is granted.
#[derive(Debug, Parser)]
#[command(name = "botwarden", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The configuration file, for commands that read one; it may stand before or after the command
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(env = CONFIG_VARIABLE, hide_env_values = true, default_value = CONFIG_FILE)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  botwarden demo                    watch it work, nothing to set up
  botwarden init                    write a starting botwarden.toml
  botwarden check && botwarden serve

Exit codes: 0 fine, 1 findings or a failed check, 2 wrong usage, 3 could not do it or cannot tell.";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Serve(serve::Serve),
    Init(init::Init),
    Check(check::Check),
    #[command(subcommand)]
    Config(Config),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    Keyring(keyring::Keyring),
    #[command(subcommand)]
    Approval(approval::Approval),
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Backup(backup::Backup),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Subject(subject::Subject),
    Encrypt(fernet::Encrypt),
    Decrypt(fernet::Decrypt),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Learn what a configuration may say.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: botwarden config schema > botwarden.schema.json")]
enum Config {
    Schema(config_schema::Schema),
}

/// `--config` of the commands that read a configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file [env: BOTWARDEN_CONFIG] [default: botwarden.toml]
    #[arg(long = "config", id = "config_file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    path: Option<PathBuf>,
}

impl ConfigFile {
    /// The same, where the rest of the arguments is needed still.
    pub(crate) fn path(&self, before: PathBuf) -> PathBuf {
        self.path.clone().unwrap_or(before)
    }

    /// The file named after the command, or else before it.
    pub(crate) fn or(self, before: PathBuf) -> PathBuf {
        self.path.unwrap_or(before)
    }
}

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// Runs the program: does what `arguments` (the program's own name first) ask for and says how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.run().unwrap_or_else(|error| exit::failed(&error)),
        Err(error) => {
            // A closed pipe: nobody is left to tell.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::FINE })
        }
    }
}

/// The whole command line, for its pages and completions.
pub(crate) fn grammar() -> clap::Command {
    Cli::command()
}

impl Cli {
    fn run(self) -> anyhow::Result<ExitCode> {
        let file = self.config;
        match self.command {
            Command::Demo(demo) => background::run(demo::run(demo)),
            Command::Serve(serve) => serve.run(file),
            Command::Init(init) => init.run(file),
            Command::Check(check) => check.run(file),
            Command::Config(Config::Schema(schema)) => schema.run(),
            Command::Key(key) => background::run(key.run(file)),
            Command::Keyring(keyring) => background::run(keyring.run(file)),
            Command::Approval(approval) => background::run(approval.run(file)),
            Command::Quarantine(quarantine) => background::run(quarantine.run(file)),
            Command::Backup(backup) => background::run(backup.run(file)),
            Command::Audit(audit) => background::run(audit.run(file)),
            Command::Policy(policy) => background::run(policy.run(file)),
            Command::Subject(subject) => background::run(subject.run(file)),
            Command::Encrypt(encrypt) => encrypt.run(),
            Command::Decrypt(decrypt) => decrypt.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        grammar().debug_assert();
    }
}
