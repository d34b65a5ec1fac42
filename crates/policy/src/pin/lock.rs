//! The lock file: what an operator has accepted, to be kept beside the configuration and reviewed like code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, canonical};
use crate::Data;

/// Bytes of a lock file.
pub const LOCK_BYTES_MAX: usize = 16 << 20;
/// The version of the format that we write.
const VERSION: u32 = 1;
const HEAD: &str = "\
# The definitions of tools that an operator has accepted. Tools that are not here, or are here in other words, do not exist for bots.
# Written by `botwarden policy pin --accept`; review changes of it like changes of code.

";

/// Why a lock file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Not of the form.
    #[error("it is not of the form of a lock file: {0}")]
    Form(String),
    /// Written by a later release.
    #[error("it has version {0}; this release reads version {VERSION}")]
    Version(u32),
    /// A definition and its hash do not belong together.
    #[error(
        "the hash of {what} of server `{server}` is not that of its definition; write the file with `botwarden policy pin`"
    )]
    Hash {
        /// The server.
        server: String,
        /// `tool x` or `the identity`.
        what: String,
    },
    /// One server or tool stands there twice.
    #[error("{0} is there twice")]
    Twice(String),
}

/// A canonical text that was accepted, and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The hash.
    pub digest: Digest,
    /// The text.
    pub text: String,
}

impl Pin {
    /// Of that value.
    pub fn of(value: &Data) -> Self {
        let text = canonical(value);
        Self { digest: Digest::of(&text), text }
    }
}

/// What was accepted of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedServer {
    /// How it calls itself and what it tells models to do.
    pub identity: Pin,
    /// Its tools by name.
    pub tools: BTreeMap<String, Pin>,
}

/// How something stands to what was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Word for word as accepted.
    Accepted,
    /// Never accepted.
    Unknown,
    /// Accepted in other words.
    Changed,
}

impl PinnedServer {
    /// How this tool stands to it.
    pub fn standing(&self, name: &str, digest: &Digest) -> Standing {
        match self.tools.get(name) {
            None => Standing::Unknown,
            Some(pin) if pin.digest == *digest => Standing::Accepted,
            Some(_) => Standing::Changed,
        }
    }
}

/// All that was accepted, by bot and server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock(BTreeMap<(String, String), PinnedServer>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLock {
    version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    server: Vec<RawServer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServer {
    bot: String,
    name: String,
    identity: String,
    identity_text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tool: Vec<RawTool>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTool {
    name: String,
    definition: String,
    definition_text: String,
}

impl Lock {
    /// Reads a lock file. Each hash has to be that of the text beside it, so that what people review is what counts.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let raw: RawLock =
            toml::from_str(text).map_err(|error| LockError::Form(error.message().to_owned()))?;
        if raw.version != VERSION {
            return Err(LockError::Version(raw.version));
        }
        let mut lock = Self::default();
        for server in raw.server {
            let identity = pin(&server.name, "the identity", &server.identity, server.identity_text)?;
            let mut tools = BTreeMap::new();
            for tool in server.tool {
                let what = format!("tool `{}`", tool.name);
                let accepted = pin(&server.name, &what, &tool.definition, tool.definition_text)?;
                if tools.insert(tool.name, accepted).is_some() {
                    return Err(LockError::Twice(format!("{what} of server `{}`", server.name)));
                }
            }
            let what = format!("server `{}` of bot `{}`", server.name, server.bot);
            if lock.accept(&server.bot, &server.name, PinnedServer { identity, tools }).is_some() {
                return Err(LockError::Twice(what));
            }
        }
        Ok(lock)
    }

    /// What was accepted of that server of that bot.
    pub fn server(&self, bot: &str, server: &str) -> Option<&PinnedServer> {
        self.0.get(&(bot.to_owned(), server.to_owned()))
    }

    /// Accepts it as it is now; gives what was there before.
    pub fn accept(&mut self, bot: &str, server: &str, accepted: PinnedServer) -> Option<PinnedServer> {
        self.0.insert((bot.to_owned(), server.to_owned()), accepted)
    }

    /// Keeps those for which `keep` says so, by bot and server: the configuration may have lost some.
    pub fn retain(&mut self, keep: impl Fn(&str, &str) -> bool) {
        self.0.retain(|(bot, server), _| keep(bot, server));
    }

    /// The text of the file: the same lock gives the same bytes.
    pub fn to_text(&self) -> Result<String, LockError> {
        let server = self.0.iter().map(|((bot, name), pinned)| {
            let tool = pinned.tools.iter().map(|(name, pin)| RawTool {
                name: name.clone(),
                definition: pin.digest.to_string(),
                definition_text: pin.text.clone(),
            });
            RawServer {
                bot: bot.clone(),
                name: name.clone(),
                identity: pinned.identity.digest.to_string(),
                identity_text: pinned.identity.text.clone(),
                tool: tool.collect(),
            }
        });
        let raw = RawLock { version: VERSION, server: server.collect() };
        let body = toml::to_string_pretty(&raw).map_err(|error| LockError::Form(error.to_string()))?;
        Ok(format!("{HEAD}{body}"))
    }
}

fn pin(server: &str, what: &str, hash: &str, text: String) -> Result<Pin, LockError> {
    let digest = Digest::of(&text);
    if digest.to_string() == hash {
        return Ok(Pin { digest, text });
    }
    Err(LockError::Hash { server: server.to_owned(), what: what.to_owned() })
}
