//! What is known of sessions, kept at hand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use botwarden_identity::{Claim, Claims};
use botwarden_policy::Data;
use botwarden_policy::chronicle::Event;
use botwarden_policy::contract::Contract;
use botwarden_policy::decide::hash_of;
use botwarden_policy::read::read_json;
use botwarden_policy::session::{Heard, Known, Observed, Session};
use botwarden_policy::value::{Canon, Date};
use botwarden_types::{BotName, SessionId, UnixMs, UserName};
use parking_lot::Mutex;

use super::chat::Said;
use super::{DeskPorts, Patron, resolve, result};

/// Sessions kept at hand; others are read again when they come back.
const MEMORIES_MAX: usize = 4096;
/// Entries of a chronicle read at once.
const ENTRIES_AT_ONCE: usize = 256;

/// Sessions at hand.
#[derive(Default)]
pub(super) struct Memories {
    table: Mutex<HashMap<SessionId, Arc<Slot>, ahash::RandomState>>,
    clock: AtomicU64,
}

/// One session's place.
pub(super) struct Slot {
    pub(super) memory: tokio::sync::Mutex<Memory>,
    /// Somebody said something since it was read.
    is_stale: AtomicBool,
    used: AtomicU64,
}

/// A call that was let through in a conversation, whose result the application will show.
#[derive(Clone, Debug)]
pub(super) struct Released {
    pub(super) server: String,
    pub(super) tool: String,
    pub(super) arguments: Data,
}

/// What is known of one session.
pub(super) struct Memory {
    pub(super) session: Session,
    /// What was carried by us, for building the session anew.
    carried: Vec<Arc<Observed>>,
    /// Turns that were read of the store.
    turns: usize,
    /// The last entry read of the chronicle.
    entry: u64,
    /// Entries that this node wrote, by their hashes: what is in them is known.
    wrote: HashSet<u64, ahash::RandomState>,
    is_loaded: bool,
    /// What was said in the conversation, message by message, where its roles count.
    pub(super) said: Vec<u64>,
    /// Texts of the conversation that were taken note of, where its roles do not count.
    pub(super) noted: HashSet<u64, ahash::RandomState>,
    /// Calls that were let through, by their ids.
    pub(super) released: HashMap<String, Released, ahash::RandomState>,
}

/// Calls of a session whose results are waited for.
pub(super) const RELEASED_MAX: usize = 1024;

impl Memories {
    pub(super) fn spoken(&self, session: &SessionId) {
        if let Some(slot) = self.table.lock().get(session) {
            slot.is_stale.store(true, Ordering::Release);
        }
    }

    pub(super) fn slot(&self, session: &SessionId) -> Arc<Slot> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut table = self.table.lock();
        if table.len() >= MEMORIES_MAX && !table.contains_key(session) {
            // An eighth goes at once, those longest out of use, so that looking for them is rare.
            let mut used: Vec<u64> = table.values().map(|slot| slot.used.load(Ordering::Relaxed)).collect();
            used.sort_unstable();
            let bar = used.get(used.len() / 8).copied().unwrap_or(0);
            table.retain(|_, slot| slot.used.load(Ordering::Relaxed) > bar);
        }
        let slot = table.entry(session.clone()).or_insert_with(|| {
            let memory = tokio::sync::Mutex::new(Memory::new(Session::default()));
            Arc::new(Slot { memory, is_stale: AtomicBool::new(true), used: AtomicU64::new(now) })
        });
        slot.used.store(now, Ordering::Relaxed);
        slot.clone()
    }
}

impl Slot {
    /// Whether turns have to be read again. Asked before they are, so that what is said meanwhile is read the next time.
    pub(super) fn take_stale(&self) -> bool {
        self.is_stale.swap(false, Ordering::AcqRel)
    }

    pub(super) fn set_stale(&self) {
        self.is_stale.store(true, Ordering::Release);
    }
}

impl Memory {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            carried: Vec::new(),
            turns: 0,
            entry: 0,
            wrote: HashSet::default(),
            is_loaded: false,
            said: Vec::new(),
            noted: HashSet::default(),
            released: HashMap::default(),
        }
    }

    /// Brings it up to what the stores know. `turns_too`: whether what persons posted counts.
    pub(super) async fn refresh(
        &mut self,
        ports: &DeskPorts,
        patron: &Patron,
        id: &SessionId,
        is_stale: bool,
        turns_too: bool,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (bot, now) = (&patron.bot.config.name, ports.clock.wall());
        let is_first = !self.is_loaded;
        if is_first {
            self.session = begin(patron, now);
            if let Some(user) = &patron.user {
                self.endorse(&known_of(ports, bot, user).await?);
            }
        }
        if is_first || ports.is_shared {
            self.read_chronicle(ports, patron, bot, id).await?;
        }
        if turns_too && (is_first || is_stale || ports.is_shared) {
            for kept in ports.sessions.turns(bot, id).await?.into_iter().skip(self.turns) {
                let pasted: Vec<std::ops::Range<usize>> =
                    kept.turn.pasted().iter().map(|span| span.start..span.end).collect();
                self.session.hear(Arc::new(Heard::new(kept.turn.text(), &pasted)));
                self.turns += 1;
            }
        }
        self.is_loaded = true;
        Ok(())
    }

    async fn read_chronicle(
        &mut self,
        ports: &DeskPorts,
        patron: &Patron,
        bot: &BotName,
        id: &SessionId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        loop {
            let entries = ports.chronicle.read(bot, id, self.entry, ENTRIES_AT_ONCE).await?;
            let is_last = entries.len() < ENTRIES_AT_ONCE;
            for entry in entries {
                self.entry = self.entry.max(entry.number);
                if !self.wrote.is_empty() && self.wrote.remove(&self.mark(&entry.event)) {
                    continue;
                }
                match Event::decode(&entry.event) {
                    Some(Event::Result { server, tool, content }) => {
                        self.remember(patron, &server, &tool, &content);
                    }
                    Some(Event::Call { server, tool, arguments, .. }) => {
                        if let Ok(arguments) = read_json(&arguments) {
                            let turns = usize::try_from(entry.turns).unwrap_or(usize::MAX);
                            self.session.done_after(&server, &tool, hash_of(&arguments), turns);
                        }
                    }
                    Some(Event::Text { .. }) | None => {}
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn remember(&mut self, patron: &Patron, server: &str, tool: &str, content: &str) {
        let Some(contract) = patron.bot.contracts.get(server) else { return };
        let Ok(Data::Map(members)) = read_json(content) else { return };
        let content = Data::Map(members);
        let source = content.get("source").and_then(Data::as_text).unwrap_or(tool).to_owned();
        let Some(returned) = content.get("result") else { return };
        for observed in result::observe(contract, tool, &source, returned) {
            self.carry(Arc::new(observed));
        }
    }

    fn mark(&self, event: &[u8]) -> u64 {
        self.wrote.hasher().hash_one(event)
    }

    /// An entry is being written whose content is known here. Only nodes that share a store read their own entries.
    pub(super) fn writes(&mut self, event: &[u8], is_shared: bool) {
        if is_shared {
            let mark = self.mark(event);
            self.wrote.insert(mark);
        }
    }

    /// Takes note of something that was carried by us.
    pub(super) fn carry(&mut self, observed: Arc<Observed>) {
        self.carried.push(observed.clone());
        if self.carried.len() > botwarden_policy::session::RESULTS_MAX {
            self.carried.remove(0);
        }
        self.session.observe(observed);
    }

    pub(super) fn endorse(&mut self, known: &[Known]) {
        known.iter().for_each(|known| self.session.endorse(known.clone()));
    }

    /// Begins anew with what does not come from the conversation.
    pub(super) fn restart(&mut self, patron: &Patron, known: &[Known], now: UnixMs) {
        self.session = begin(patron, now);
        self.endorse(known);
        for observed in &self.carried {
            self.session.observe(observed.clone());
        }
        self.said.clear();
    }

    /// Hears what the conversation says of itself.
    pub(super) fn said(&mut self, said: &Said) {
        self.said.push(said.mark);
        said.tell(&mut self.session);
    }
}

/// A session of which nothing is known but who it is of.
pub(super) fn begin(patron: &Patron, now: UnixMs) -> Session {
    let claims = patron.caller.session.as_ref().map(|session| texts_of(&session.claims)).unwrap_or_default();
    let seconds =
        i64::try_from(now.secs()).unwrap_or(0) + i64::from(patron.bot.config.utc_offset_minutes) * 60;
    Session::new(claims, Date::from_number(seconds.div_euclid(86_400)))
}

fn texts_of(claims: &Claims) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (name, claim) in claims.iter() {
        let mut push = |text: String| texts.push((name.to_owned(), text));
        match claim {
            Claim::Text(text) | Claim::Decimal(text) => push(text.clone()),
            Claim::Integer(number) => push(number.to_string()),
            Claim::Flag(flag) => push(flag.to_string()),
            Claim::Texts(all) => all.iter().cloned().for_each(push),
        }
    }
    texts
}

/// What a person has endorsed for good.
pub(super) async fn known_of(
    ports: &DeskPorts,
    bot: &BotName,
    user: &UserName,
) -> Result<Vec<Known>, botwarden_policy::StoreError> {
    let known = ports.approvals.known_for(bot, user).await?;
    let known = known.into_iter().map(|known| Known {
        server: known.server,
        tool: known.tool,
        argument: known.party.argument,
        canon: Canon::of(&known.party.value),
    });
    Ok(known.collect())
}

/// What is read of a call that the application runs itself.
pub(super) fn observe_inline(contract: &Contract, released: &Released, text: &str) -> Observed {
    let source = resolve::source_of(&released.tool, &released.arguments);
    Observed::new(contract, &released.tool, contract.tools.get(&released.tool), source, text, None)
}
