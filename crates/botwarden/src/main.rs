//! The `botwarden` binary.

mod command;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

/// Stands between people and an AI bot, and between that bot and its models, tools and data.
#[derive(Parser)]
#[command(version)]
enum Command {
    Demo(command::demo::DemoArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    let Command::Demo(args) = Command::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("starting the runtime")?.block_on(command::demo::run(args))
}
