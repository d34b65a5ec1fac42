//! What somebody's tools did before, counted: how often and how much a day, to whom for the first time, how fast.
//!
//! A rule on history is checked and charged in one transaction, so that parallel calls do not each find room for themselves.

use botwarden_types::UnixMs;

use crate::port::{BoxFuture, Holder, StoreError};

/// How long it is remembered that something happened: 400 days, a year and some.
pub const HISTORY_KEPT_DAYS: u64 = 400;
/// Calls whose times are remembered one by one, and so the most that a [`Pace`] may allow.
pub const PACE_CALLS_MAX: usize = 64;
/// Milliseconds of a day, in UTC as everywhere here.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Something that is about to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// By whom. Persons are counted each for themselves, by what is known of them; without one the bot is.
    pub holder: Holder,
    /// The server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// With whom it deals, in the canonical form of its type. Personal.
    pub party: Option<String>,
    /// How much it is about, in the smallest unit of its currency; 0 where it is about none.
    pub amount: u64,
    /// When.
    pub at: UnixMs,
    /// What it must not exceed.
    pub caps: Caps,
}

/// So many calls within any span of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At most [`PACE_CALLS_MAX`]; more are taken for that.
    pub calls: usize,
    /// The span.
    pub within_ms: u64,
}

/// What is allowed. `None` leaves it open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Calls of the tool in a day.
    pub calls_a_day: Option<u64>,
    /// Amount of all calls of the tool in a day.
    pub amount_a_day: Option<u64>,
    /// Calls of the tool for one party in a day.
    pub party_calls_a_day: Option<u64>,
    /// Amount for one party in a day.
    pub party_amount_a_day: Option<u64>,
    /// How fast the tool may be called.
    pub pace: Option<Pace>,
    /// Whether a party has to have been dealt with before.
    pub known_party: bool,
}

/// Which cap a call would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// [`Caps::known_party`].
    NewParty,
    /// [`Caps::pace`].
    Pace,
    /// [`Caps::calls_a_day`].
    Calls,
    /// [`Caps::amount_a_day`].
    Amount,
    /// [`Caps::party_calls_a_day`].
    PartyCalls,
    /// [`Caps::party_amount_a_day`].
    PartyAmount,
}

impl Over {
    /// A stable word for the log.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NewParty => "first-to-party",
            Self::Pace => "too-fast",
            Self::Calls => "calls-a-day",
            Self::Amount => "amount-a-day",
            Self::PartyCalls => "party-calls-a-day",
            Self::PartyAmount => "party-amount-a-day",
        }
    }
}

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// It is counted.
    Yes,
    /// It would exceed a cap, and is not counted.
    Over(Over),
    /// The session is gone, or its person was erased.
    NoSession,
}

/// What was before, without charging anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Calls of the tool today, and their amount.
    pub today: Tally,
    /// Calls for the party today, and their amount.
    pub party_today: Tally,
    /// Calls for the party ever.
    pub party_ever: Tally,
}

/// A count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls.
    pub calls: u64,
    /// Amount.
    pub amount: u64,
}

/// Keeps counts, sealed under each person's key and found by hashes under it.
pub trait HistoryStore: Send + Sync + 'static {
    /// Checks and counts, both or neither.
    fn charge<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<Charged, StoreError>>;

    /// Takes back a charge that was counted, for a call that was not sent. Once for each charge.
    fn take_back<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<(), StoreError>>;

    /// What a charge would meet.
    fn before<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<Before, StoreError>>;

    /// Deletes up to `max` counts that nobody asks for any more. How many it were.
    fn purge_history(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>>;
}

/// One count as a store keeps it. The rule below is the same whichever store it lies in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Calls and amount.
    pub tally: Tally,
    /// When the last calls were, oldest first; at most [`PACE_CALLS_MAX`].
    pub recent: Vec<UnixMs>,
}

/// The counts that one charge is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of the tool, over all days.
    pub ever: Count,
    /// Of the tool, today.
    pub today: Count,
    /// Of tool and party, over all days; stays empty without a party.
    pub party_ever: Count,
    /// Of tool and party, today.
    pub party_today: Count,
}

impl Counts {
    /// Counts a charge if every cap leaves room for it.
    pub fn add(&mut self, charge: &Charge) -> Result<(), Over> {
        self.check(charge)?;
        let party = charge.party.is_some();
        for count in self.each(party) {
            count.tally.calls = count.tally.calls.saturating_add(1);
            count.tally.amount = count.tally.amount.saturating_add(charge.amount);
        }
        self.ever.recent.push(charge.at);
        self.ever.recent.sort_unstable();
        let surplus = self.ever.recent.len().saturating_sub(PACE_CALLS_MAX);
        self.ever.recent.drain(..surplus);
        Ok(())
    }

    /// Takes a charge back.
    pub fn subtract(&mut self, charge: &Charge) {
        for count in self.each(charge.party.is_some()) {
            count.tally.calls = count.tally.calls.saturating_sub(1);
            count.tally.amount = count.tally.amount.saturating_sub(charge.amount);
        }
        if let Some(at) = self.ever.recent.iter().rposition(|at| *at == charge.at) {
            self.ever.recent.remove(at);
        }
    }

    fn each(&mut self, party: bool) -> impl Iterator<Item = &mut Count> {
        let Self { ever, today, party_ever, party_today } = self;
        let of_party = if party { [Some(party_ever), Some(party_today)] } else { [None, None] };
        [ever, today].into_iter().chain(of_party.into_iter().flatten())
    }

    fn check(&self, charge: &Charge) -> Result<(), Over> {
        let Caps { calls_a_day, amount_a_day, party_calls_a_day, party_amount_a_day, pace, known_party } =
            charge.caps;
        if known_party && charge.party.is_some() && self.party_ever.tally.calls == 0 {
            return Err(Over::NewParty);
        }
        if pace.is_some_and(|pace| self.is_too_fast(pace, charge.at)) {
            return Err(Over::Pace);
        }
        let (today, party) = (self.today.tally, self.party_today.tally);
        let caps = [
            (calls_a_day, today.calls, 1, Over::Calls),
            (amount_a_day, today.amount, charge.amount, Over::Amount),
            (party_calls_a_day, party.calls, 1, Over::PartyCalls),
            (party_amount_a_day, party.amount, charge.amount, Over::PartyAmount),
        ];
        for (cap, so_far, more, over) in caps {
            // A total that cannot be said is over every cap.
            if cap.is_some_and(|cap| so_far.checked_add(more).is_none_or(|total| total > cap)) {
                return Err(over);
            }
        }
        Ok(())
    }

    fn is_too_fast(&self, pace: Pace, now: UnixMs) -> bool {
        let calls = pace.calls.min(PACE_CALLS_MAX);
        let since = now.0.saturating_sub(pace.within_ms);
        // A call that another node's clock puts into the future counts as well.
        self.ever.recent.iter().filter(|at| at.0 > since).count() >= calls
    }
}

#[cfg(test)]
mod tests {
    use botwarden_types::{BotName, KeyId};

    use super::*;

    fn charge(amount: u64, at: u64, caps: Caps) -> Charge {
        let holder = Holder {
            bot: BotName::parse("shop").unwrap(),
            key: KeyId::parse("k").unwrap(),
            session: None,
            user: None,
        };
        let party = Some("DE1".to_owned());
        Charge { holder, server: "bank".into(), tool: "pay".into(), party, amount, at: UnixMs(at), caps }
    }

    #[test]
    fn caps_are_met_exactly() {
        let caps = Caps::default();
        for (name, caps, amounts, want) in [
            ("open", caps, [5, 5, 5], [Ok(()); 3]),
            ("calls", Caps { calls_a_day: Some(2), ..caps }, [5, 5, 5], [Ok(()), Ok(()), Err(Over::Calls)]),
            (
                "amount",
                Caps { amount_a_day: Some(10), ..caps },
                [5, 6, 5],
                [Ok(()), Err(Over::Amount), Ok(())],
            ),
            (
                "party's calls",
                Caps { party_calls_a_day: Some(1), ..caps },
                [5, 5, 5],
                [Ok(()), Err(Over::PartyCalls), Err(Over::PartyCalls)],
            ),
            (
                "party's amount",
                Caps { party_amount_a_day: Some(5), ..caps },
                [6, 5, 1],
                [Err(Over::PartyAmount), Ok(()), Err(Over::PartyAmount)],
            ),
            ("a new party", Caps { known_party: true, ..caps }, [1, 1, 1], [Err(Over::NewParty); 3]),
            (
                "too much to count",
                Caps { amount_a_day: Some(u64::MAX), ..caps },
                [u64::MAX, 1, 0],
                [Ok(()), Err(Over::Amount), Ok(())],
            ),
        ] {
            let mut counts = Counts::default();
            let got = amounts.map(|amount| counts.add(&charge(amount, 1, caps)));
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn pace_holds_over_every_span() {
        let caps = Caps { pace: Some(Pace { calls: 2, within_ms: 100 }), ..Caps::default() };
        let mut counts = Counts::default();
        for (at, want) in [
            (1000, Ok(())),
            (1050, Ok(())),
            (1099, Err(Over::Pace)),
            (1100, Ok(())),
            (1149, Err(Over::Pace)),
            (1150, Ok(())),
        ] {
            assert_eq!(counts.add(&charge(0, at, caps)), want, "at {at}");
        }
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let caps = Caps { pace: Some(Pace { calls: 1, within_ms: 100 }), ..Caps::default() };
        let mut counts = Counts::default();
        counts.add(&charge(7, 1000, caps)).unwrap();
        counts.subtract(&charge(7, 1000, caps));
        assert_eq!(counts, Counts::default());
        let mut many = Counts::default();
        for at in 0..200 {
            many.add(&charge(1, at, Caps::default())).unwrap();
        }
        assert_eq!((many.ever.recent.len(), many.ever.tally.calls), (PACE_CALLS_MAX, 200));
    }
}
