//! What the actors act on: the gateway, the model behind it, the shop, everybody's credentials.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Context;
use botwarden_crypto::{SecretKey, Token};
use botwarden_identity::Right;
use botwarden_types::{Delivery, Secret};
use serde_json::json;
use tempfile::TempDir;

use crate::command::demo::client::{Ask, Client};
use crate::command::demo::gateway::{self, Behind, DemoGateway, IssuedKey, Lifetime};
use crate::command::demo::model::{MODEL, ScriptedModel};
use crate::command::demo::shop::{
    ALICE, BOB, Bot, CHAT, CHLOE, DORA, Database, ERIN, FRANK, MALLORY, Session, TRUDY, Talk, ToolServer,
};
use crate::command::demo::tour::Seen;
use crate::command::demo::trail::Trail;

/// What the actors act on.
pub(in super::super) struct Stage {
    began: Instant,
    folder: TempDir,
    pub(in super::super) gateway: DemoGateway,
    model: ScriptedModel,
    _tools: ToolServer,
    pub(super) database: Database,
    pub(super) bot: Bot,
    pub(super) sessions: Sessions,
    pub(in super::super) keys: Keys,
    /// Just before and just after the first request of the flood.
    pub(super) flood_began: OnceLock<(Instant, Instant)>,
}

/// A session for each customer.
pub(in super::super) struct Sessions {
    pub(super) alice: Session,
    pub(super) bob: Session,
    pub(super) chloe: Session,
    pub(super) dora: Session,
    pub(super) erin: Session,
    pub(super) frank: Session,
    pub(super) mallory: Session,
    pub(super) trudy: Session,
}

/// Keys beside the bot's own.
pub(in super::super) struct Keys {
    pub(super) expired: Secret,
    pub(super) revoked: Secret,
    /// For whoever watches, to try things with.
    pub(in super::super) visitor: IssuedKey,
}

impl Stage {
    /// Starts everything, in a folder of its own that goes when the stage goes.
    pub(in super::super) async fn build() -> anyhow::Result<Self> {
        let began = Instant::now();
        let folder = own_folder().context("making a folder for the demo")?;
        let database = Database::create(folder.path()).await.context("creating the shop's database")?;
        let model_key = Secret::new(Token::random()?.expose().to_owned());
        let model = ScriptedModel::start(&model_key, SecretKey::generate()?.pepper()).await;
        let model = model.context("starting the scripted model")?;
        let token = Secret::new(Token::random()?.expose().to_owned());
        let tools = ToolServer::start(&token, SecretKey::generate()?.pepper(), database.clone());
        let tools = tools.await.context("starting the shop's tools")?;
        let (model_behind, tools_behind) = (
            Behind { address: model.address(), credential: model_key },
            Behind { address: tools.address(), credential: token },
        );
        let gateway = gateway::start(folder.path(), &model_behind, &tools_behind)
            .await
            .context("starting the gateway")?;
        let backend = gateway.issue_key(&[Right::Session], Lifetime::Unbounded).await?;
        let bot = Bot::new(Client::new(gateway.gateway), backend.key);
        let sessions = Sessions::open(&bot).await?;
        let keys = Keys::issue(&gateway).await?;
        let flood_began = OnceLock::new();
        Ok(Self { began, folder, gateway, model, _tools: tools, database, bot, sessions, keys, flood_began })
    }

    /// Stops the gateway; the rest goes with the stage.
    pub(in super::super) async fn close(self) {
        self.gateway.stop().await;
    }

    /// What the audit log holds of the tour, and that an edit of it is found.
    pub(in super::super) fn trail(&self) -> anyhow::Result<Trail> {
        self.gateway.trail(self.folder())
    }

    /// Time since the demo began.
    pub(in super::super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Requests that reached the model so far.
    pub(in super::super) fn model_answered(&self) -> u64 {
        self.model.answered()
    }

    pub(super) fn model_address(&self) -> SocketAddr {
        self.model.address()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Somebody who talks to the gateway from the usual address.
    pub(super) fn caller(&self) -> Client {
        Client::new(self.gateway.gateway)
    }

    /// Sends a request that must be refused, and sees whether the model was asked.
    pub(super) async fn probe(&self, caller: Client, ask: Ask) -> anyhow::Result<Seen> {
        let before = self.model_answered();
        let seen = Seen::of_reply(caller.send(ask).await?);
        Ok(Seen { reached_model: self.model_answered() > before, ..seen })
    }

    /// A customer asks the shop's bot.
    pub(super) async fn talk(
        &self,
        session: &Session,
        question: &str,
        delivery: Delivery,
    ) -> anyhow::Result<Talk> {
        self.bot.answer(session, question, delivery).await
    }
}

impl Sessions {
    async fn open(bot: &Bot) -> anyhow::Result<Self> {
        Ok(Self {
            alice: bot.open_session(ALICE).await?,
            bob: bot.open_session(BOB).await?,
            chloe: bot.open_session(CHLOE).await?,
            dora: bot.open_session(DORA).await?,
            erin: bot.open_session(ERIN).await?,
            frank: bot.open_session(FRANK).await?,
            mallory: bot.open_session(MALLORY).await?,
            trudy: bot.open_session(TRUDY).await?,
        })
    }
}

impl Keys {
    async fn issue(gateway: &DemoGateway) -> anyhow::Result<Self> {
        let expired = gateway.issue_key(&[Right::Chat], Lifetime::Over).await?;
        let revoked = gateway.issue_key(&[Right::Chat], Lifetime::Unbounded).await?;
        gateway.revoke_key(&revoked).await?;
        let visitor = gateway.issue_key(&[Right::Chat, Right::AssertUser], Lifetime::Unbounded).await?;
        Ok(Self { expired: expired.key, revoked: revoked.key, visitor })
    }
}

/// A folder that nobody else may read.
fn own_folder() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("botwarden-demo-").permissions(Permissions::from_mode(0o700)).tempdir()
}

/// A short question to the model, without tools; `stream` as said.
pub(super) fn plain_question(question: &str, delivery: Delivery) -> Ask {
    let body = json!({
        "model": MODEL,
        "messages": [{ "role": "user", "content": question }],
        "max_completion_tokens": 64,
        "stream": delivery == Delivery::Streamed,
    });
    Ask::post(CHAT, body.to_string())
}
