//! `botwarden demo`: a shop's chat bot behind Botwarden, and everybody who wants something from it.
//!
//! Everything is real except the language model: the gateway is the one that `serve` starts, the bot is an application
//! with an orders database, customers and attackers speak HTTP to it. The model ([`model`]) is a script that obeys every
//! order it reads, as a hijacked model would, and says that it is one.
//!
//! [`tour`] holds what must happen and judges what does; [`actors`] make it happen; [`view`] shows it. The tour claims
//! nothing it did not see, names each attack that still gets through, and fails if one of them no longer does.

mod actors;
mod client;
mod gateway;
mod model;
mod shop;
mod tour;
mod view;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use actors::Stage;
use tour::Outcome;
use view::{Screen, To, Totals};

/// Watch a shop's chat bot serve customers through Botwarden while attackers fail.
///
/// The bot obeys whoever talks to it, as a hijacked one would. After the tour the gateway stays up for you to try, until
/// Ctrl-C. Everything runs in this process, on loopback ports, in a temporary folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden demo --once --format json")]
pub(crate) struct DemoArgs {
    /// Run the tour, print what was allowed, stopped and not yet stopped, and exit: 0 if all went as it must, 1 if not.
    #[arg(long)]
    once: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table", requires = "once")]
    format: Format,
    /// Draw the live view into an SVG file.
    #[arg(long, value_name = "FILE", hide = true)]
    picture: Option<PathBuf>,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// Runs the demo. An error means that it could not be set up or shown; a tour that went wrong is exit code 1.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let mut stage = Stage::build().await.context("setting the demo up")?;
    let played = play(&mut stage, &args).await;
    stage.close().await.context("stopping the demo")?;
    let fine = played?.iter().all(Outcome::is_as_it_must);
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn play(stage: &mut Stage, args: &DemoArgs) -> anyhow::Result<Vec<Outcome>> {
    let mut screen = Screen::new(audience(args));
    screen.title()?;
    let outcomes = tour::perform(stage, &mut screen).await?;
    let totals = Totals { took: stage.elapsed(), model_answered: stage.model_answered() };
    match (args.once, args.format) {
        (true, Format::Table) => view::summary(&outcomes, &totals)?,
        (true, Format::Json) => view::report(&outcomes, &totals)?,
        (false, _) => view::verdict(&mut screen, &outcomes, &totals)?,
    }
    if let Some(file) = &args.picture {
        draw(&screen, file)?;
    }
    if !args.once {
        view::invitation(stage)?;
        view::follow(stage).await?;
    }
    Ok(outcomes)
}

/// A person without `--once`; progress with it, where it can be seen.
fn audience(args: &DemoArgs) -> To {
    use std::io::IsTerminal;
    match args.once {
        false => To::Person,
        true if std::io::stderr().is_terminal() && !std::io::stdout().is_terminal() => To::Progress,
        true => To::Nobody,
    }
}

fn draw(screen: &Screen, file: &Path) -> anyhow::Result<()> {
    std::fs::write(file, view::picture(screen)).with_context(|| format!("writing `{}`", file.display()))
}
