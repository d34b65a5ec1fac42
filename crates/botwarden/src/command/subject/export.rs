//! `botwarden subject export`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_types::{KeptExchange, KeptText};
use serde::Serialize;

use super::person;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::state::State;
use crate::{accountable, exit};

/// Exchanges read from the store at once.
const PAGE: usize = 100;

/// Print what is kept of a person's exchanges, oldest first, one JSON object a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden subject export --bot shop customer-4711 > customer-4711.jsonl")]
pub(crate) struct Export {
    /// The bot that served them
    #[arg(long, value_name = "NAME")]
    bot: String,
    /// Their name, as the application gave it
    #[arg(value_name = "USER")]
    user: String,
    #[command(flatten)]
    config: ConfigFile,
}

impl Export {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let (bot, user) = person(&self.bot, &self.user)?;
        let config = Config::load(&self.config.or(before))?;
        let state = State::existing(&config).await?;
        let keyring = state.keyring().await?;
        let store = state.store(keyring.clone()).await?;
        accountable::record(&state.dir, &keyring, "subject.export", bot.as_str()).await?;
        let (mut after, mut printed) = (0, 0);
        loop {
            let page = store.exchanges_of(&bot, &user, after, PAGE).await?;
            for (_, exchange) in &page {
                exit::print(&(serde_json::to_string(&JsonExchange::of(exchange))? + "\n"))?;
            }
            printed += page.len();
            match page.last() {
                Some((number, _)) => after = *number,
                None => break,
            }
        }
        store.close().await;
        keyring.close().await;
        exit::note(&format!("{printed} exchanges"));
        Ok(ExitCode::SUCCESS)
    }
}

/// An exchange as programs read it.
#[derive(Serialize)]
struct JsonExchange<'e> {
    request: &'e str,
    bot: &'e str,
    session: Option<&'e str>,
    at: String,
    expires: String,
    operation: &'e str,
    model: &'e str,
    status: u16,
    verdict: &'e str,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    complete: bool,
    question: Option<JsonText>,
    answer: Option<JsonText>,
}

#[derive(Serialize)]
struct JsonText {
    text: String,
    cut: bool,
}

impl<'e> JsonExchange<'e> {
    fn of(exchange: &'e KeptExchange) -> Self {
        let text = |text: &KeptText| JsonText {
            text: String::from_utf8_lossy(&text.bytes).into_owned(),
            cut: text.cut,
        };
        let content = exchange.content.as_ref();
        Self {
            request: exchange.request.as_str(),
            bot: exchange.bot.as_str(),
            session: exchange.session.as_ref().map(|session| session.as_str()),
            at: exchange.at.rfc3339(),
            expires: exchange.expires.rfc3339(),
            operation: &exchange.operation,
            model: &exchange.model,
            status: exchange.status,
            verdict: &exchange.verdict,
            input_tokens: exchange.tokens.map(|(input, _)| input),
            output_tokens: exchange.tokens.map(|(_, output)| output),
            complete: exchange.complete,
            question: content.map(|content| text(&content.question)),
            answer: content.map(|content| text(&content.answer)),
        }
    }
}
