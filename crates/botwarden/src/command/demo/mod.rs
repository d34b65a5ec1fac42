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
mod trail;
mod view;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use actors::Stage;
use tokio::signal::unix::{SignalKind, signal};
use tour::Outcome;
use trail::Trail;
use view::{Screen, To, Totals};

use crate::cli::Format;

/// Watch a shop's chat bot serve customers through Botwarden while attackers fail.
///
/// The bot obeys whoever talks to it, as a hijacked one would. After the tour the gateway stays up for you to try, until
/// Ctrl-C. Everything runs in this process, on loopback ports, in a temporary folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden demo
  botwarden demo --once --format json | jq '.not_yet_stopped[].planned'")]
pub(crate) struct DemoArgs {
    /// Run the tour, print what was allowed, stopped and not yet stopped, and exit: 0 if all went as it must, 1 if not
    #[arg(long)]
    once: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table", requires = "once")]
    format: Format,
    /// Draw the live view into an SVG file
    #[arg(long, value_name = "FILE", hide = true)]
    picture: Option<PathBuf>,
}

/// Runs the demo. An error means that it could not be set up or shown; a tour that went wrong is exit code 1.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let mut stage = Stage::build().await.context("setting the demo up")?;
    let played = play(&mut stage, &args).await;
    stage.close().await;
    let (outcomes, trail) = played?;
    let fine = outcomes.iter().all(Outcome::is_as_it_must) && trail.is_as_it_must();
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn play(stage: &mut Stage, args: &DemoArgs) -> anyhow::Result<(Vec<Outcome>, Trail)> {
    let mut screen = Screen::new(audience(args));
    screen.title()?;
    let outcomes = tokio::select! {
        outcomes = tour::perform(stage, &mut screen) => outcomes?,
        told = told_to_stop() => bail!(told.map_or_else(|error| error.to_string(), |()| "interrupted".to_owned())),
    };
    let trail = stage.trail()?;
    let totals = Totals { took: stage.elapsed(), model_answered: stage.model_answered(), trail };
    view::verdict(&mut screen, &outcomes, &totals)?;
    match (args.once, args.format) {
        (true, Format::Table) => view::summary(&outcomes, &totals)?,
        (true, Format::Json) => view::report(&outcomes, &totals)?,
        (false, _) => {}
    }
    if let Some(file) = &args.picture {
        draw(&screen, file)?;
    }
    if !args.once {
        view::invitation(stage)?;
        tokio::select! {
            followed = view::follow(stage) => followed?,
            told = told_to_stop() => told.context("waiting for Ctrl-C")?,
        }
    }
    Ok((outcomes, totals.trail))
}

/// Waits for Ctrl-C or SIGTERM, so that what was started is stopped and the temporary folder goes.
async fn told_to_stop() -> std::io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The whole tour over real sockets: everything goes as the table says, and reads well.
    #[tokio::test]
    async fn the_tour_goes_as_it_must() {
        let stage = Stage::build().await.unwrap();
        let outcomes = tour::perform(&stage, &mut Screen::new(To::Nobody)).await.unwrap();
        let trail = stage.trail().unwrap();
        stage.close().await;
        assert!(trail.is_as_it_must(), "{trail:?}");
        assert!(trail.entries > 60, "{trail:?}");
        let trail = Trail { entries: 150, edited: Some(42), found: Some(42), found_last: Some(42), ..trail };
        let totals = Totals { took: Duration::from_secs(4), model_answered: 80, trail };
        insta::assert_snapshot!(view::plain_summary(&outcomes, &totals));
        let report: serde_json::Value =
            serde_json::from_str(&view::document(&outcomes, &totals).unwrap()).unwrap();
        assert_eq!(report["ok"], true);
        let count = |kind: &str| report[kind].as_array().unwrap().len();
        assert_eq!((count("allowed"), count("stopped"), count("not_yet_stopped")), (7, 26, 3));
    }
}
