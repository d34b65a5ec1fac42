//! What a [`botwarden_policy::history::HistoryStore`] must do.

use botwarden_policy::Holder;
use botwarden_policy::history::{Caps, Charge, Charged, DAY_MS, HISTORY_KEPT_DAYS, Over, Pace, Tally};
use botwarden_types::{KeyId, UnixMs, UserName};
use tokio::task::JoinSet;

use super::{Backend, LATER, MUCH_LATER, NOW, bot, session_id};

fn charge(user: Option<&str>, party: Option<&str>, amount: u64, at: UnixMs, caps: Caps) -> Charge {
    let holder = Holder {
        bot: bot("shop"),
        key: KeyId::parse("key_a").unwrap(),
        session: None,
        user: user.map(|name| UserName::parse(name).unwrap()),
    };
    let party = party.map(Into::into);
    Charge { holder, server: "bank".into(), tool: "pay".into(), party, amount, at, caps }
}

async fn charged(backend: &Backend, charge: &Charge) -> Charged {
    backend.store.history().charge(charge).await.unwrap()
}

pub(crate) async fn counts_are_each_persons_own(backend: Backend) {
    let caps = Caps { amount_a_day: Some(100), party_calls_a_day: Some(2), ..Caps::default() };
    let other = backend.another().await;
    let tomorrow = UnixMs(NOW.0 + DAY_MS);
    for (name, user, party, amount, at, want) in [
        ("first", Some("alice"), Some("DE1"), 60, NOW, Charged::Yes),
        ("too much in all", Some("alice"), Some("DE2"), 41, NOW, Charged::Over(Over::Amount)),
        ("as much as may be", Some("alice"), Some("DE1"), 40, NOW, Charged::Yes),
        ("too often to one", Some("alice"), Some("DE1"), 0, NOW, Charged::Over(Over::PartyCalls)),
        ("without a party", Some("alice"), None, 1, NOW, Charged::Over(Over::Amount)),
        ("another person", Some("bob"), Some("DE1"), 100, NOW, Charged::Yes),
        ("nobody in particular", None, Some("DE1"), 100, NOW, Charged::Yes),
        ("another day", Some("alice"), Some("DE1"), 100, tomorrow, Charged::Yes),
    ] {
        let charge = charge(user, party, amount, at, caps);
        assert_eq!(charged(&other, &charge).await, want, "{name}");
    }
    let before = backend.store.history().before(&charge(Some("alice"), Some("DE1"), 0, NOW, caps)).await;
    let before = before.unwrap();
    assert_eq!(before.today, Tally { calls: 2, amount: 100 });
    assert_eq!(before.party_today, Tally { calls: 2, amount: 100 });
    assert_eq!(before.party_ever, Tally { calls: 3, amount: 200 });
}

pub(crate) async fn a_first_party_is_noticed(backend: Backend) {
    let strict = Caps { known_party: true, ..Caps::default() };
    let to = |party, caps| charge(Some("alice"), Some(party), 1, NOW, caps);
    assert_eq!(charged(&backend, &to("DE1", strict)).await, Charged::Over(Over::NewParty));
    assert_eq!(charged(&backend, &to("DE1", Caps::default())).await, Charged::Yes, "approved by somebody");
    assert_eq!(charged(&backend, &to("DE1", strict)).await, Charged::Yes);
    assert_eq!(charged(&backend, &to("DE2", strict)).await, Charged::Over(Over::NewParty));
}

pub(crate) async fn calls_at_once_never_exceed_a_cap(backend: Backend) {
    let caps = Caps { amount_a_day: Some(50), ..Caps::default() };
    let other = backend.another().await;
    let mut all = JoinSet::new();
    for at in 0..40 {
        let history = if at % 2 == 0 { backend.store.history() } else { other.store.history() };
        let charge = charge(Some("alice"), Some(&format!("DE{}", at % 5)), 5, NOW, caps);
        all.spawn(async move { history.charge(&charge).await.unwrap() });
    }
    let got = all.join_all().await;
    assert_eq!(got.iter().filter(|charged| **charged == Charged::Yes).count(), 10);
}

pub(crate) async fn what_was_not_sent_is_taken_back(backend: Backend) {
    let pace = Some(Pace { calls: 1, within_ms: 60_000 });
    let caps = Caps { known_party: false, pace, ..Caps::default() };
    let first = charge(Some("alice"), Some("DE1"), 5, NOW, caps);
    assert_eq!(charged(&backend, &first).await, Charged::Yes);
    let second = Charge { at: LATER, ..first.clone() };
    assert_eq!(charged(&backend, &second).await, Charged::Over(Over::Pace));
    backend.store.history().take_back(&first).await.unwrap();
    let strict = Charge { caps: Caps { known_party: true, ..caps }, ..second.clone() };
    assert_eq!(charged(&backend, &strict).await, Charged::Over(Over::NewParty), "they never were dealt with");
    assert_eq!(charged(&backend, &second).await, Charged::Yes);
}

pub(crate) async fn old_counts_are_deleted(backend: Backend) {
    let history = backend.store.history();
    let charge = charge(Some("alice"), Some("DE1"), 5, NOW, Caps::default());
    assert_eq!(charged(&backend, &charge).await, Charged::Yes);
    let after = |days| UnixMs((NOW.0 / DAY_MS + days) * DAY_MS);
    for (name, now, want) in [
        ("today", NOW, 0),
        ("tomorrow", after(1), 0),
        ("when nobody counts for that day any more", after(2), 2),
        ("while it is remembered", UnixMs(after(HISTORY_KEPT_DAYS).0 - 1), 0),
        ("for ever", after(HISTORY_KEPT_DAYS), 2),
    ] {
        assert_eq!(history.purge_history(now, 10).await.unwrap(), want, "{name}");
    }
}

pub(crate) async fn counts_go_with_their_person(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    let session = backend.session("ses_a", &key, MUCH_LATER).await;
    let mut charge = charge(Some("alice@example.com"), Some("DE1"), 5, NOW, Caps::default());
    charge.holder.session = Some(session_id("ses_a"));
    assert_eq!(charged(&backend, &charge).await, Charged::Yes);
    let other = backend.another().await;
    other.store.erase_subject(&bot("shop"), &session.user, LATER).await.unwrap();
    assert_eq!(charged(&backend, &charge).await, Charged::NoSession);
    charge.holder.session = None;
    let before = backend.store.history().before(&charge).await.unwrap();
    assert_eq!(before.party_ever, Tally::default(), "whoever comes again begins anew");
    assert_eq!(other.store.history().purge_history(UnixMs(u64::MAX), 100).await.unwrap(), 0);
}
