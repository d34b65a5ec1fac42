//! What every backend must do, written against the ports. A backend joins with one line: `suite!(name, open)`, where `open` is an async
//! function that gives an empty [`Backend`], or `None` where its engine is not at hand.

pub(crate) mod approvals;
pub(crate) mod chronicle;
pub(crate) mod exchanges;
pub(crate) mod history;
pub(crate) mod keyring;
pub(crate) mod keys;
pub(crate) mod quarantine;
pub(crate) mod sessions;
pub(crate) mod subjects;

use std::any::Any;
use std::sync::Arc;

use botwarden_crypto::{BlindIndex, Pepper};
use botwarden_identity::keys::NewKey;
use botwarden_identity::{
    ApiKey, Claims, KeyRecord, KeyStore, Right, Rights, SessionStore, StoredKey, StoredSession, Turn,
    keys as desk,
};
use botwarden_store::{DataDir, Engine, FileRoot, Keyring, PostgresUrl, Store};
use botwarden_types::{BotName, KeyId, SessionId, UnixMs, UserName};

/// A store as a process that has just started finds it, and what must live as long as it.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) pepper: Pepper,
    pub(crate) index: BlindIndex,
    pub(crate) data: DataDir,
    pub(crate) url: Option<PostgresUrl>,
    keep: Arc<dyn Any + Send + Sync>,
}

impl Backend {
    /// Opens the store of that address, or the one in the directory.
    pub(crate) async fn open(
        data: DataDir,
        url: Option<PostgresUrl>,
        keep: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        let engine = Engine::connect(&data, url.as_ref()).await.unwrap();
        let root = FileRoot::open(&data).unwrap();
        let keyring = Arc::new(engine.keyring(root, NOW).await.unwrap());
        let store = Store::open(&engine, keyring.clone()).await.unwrap();
        Self {
            keys: store.keys(),
            sessions: store.sessions(),
            store,
            pepper: keyring.pepper().unwrap(),
            index: keyring.index().unwrap(),
            keyring,
            data,
            url,
            keep,
        }
    }

    /// The same store in another process.
    pub(crate) async fn another(&self) -> Self {
        Self::open(self.data.clone(), self.url.clone(), Arc::clone(&self.keep)).await
    }

    /// Issues a backend key for `bot`.
    pub(crate) async fn issue(&self, of: &str) -> (ApiKey, KeyRecord) {
        let new = NewKey { bot: bot(of), rights: Rights::backend(), label: None, expires: None };
        desk::issue(&*self.keys, &self.pepper, new, NOW).await.unwrap()
    }

    /// Keeps a session of `key` that lasts until `expires`.
    pub(crate) async fn session(&self, id: &str, key: &KeyRecord, expires: UnixMs) -> StoredSession {
        let session = session(id, key, expires, &self.pepper);
        assert_eq!(self.sessions.insert_session(&session).await.unwrap(), botwarden_identity::Inserted::Yes);
        session
    }
}

pub(crate) const NOW: UnixMs = UnixMs(1_800_000_000_000);
pub(crate) const LATER: UnixMs = UnixMs(1_800_000_001_000);
pub(crate) const MUCH_LATER: UnixMs = UnixMs(1_800_003_600_000);

pub(crate) fn bot(name: &str) -> BotName {
    BotName::parse(name).unwrap()
}

pub(crate) fn session_id(id: &str) -> SessionId {
    SessionId::parse(id).unwrap()
}

pub(crate) fn session(id: &str, key: &KeyRecord, expires: UnixMs, pepper: &Pepper) -> StoredSession {
    StoredSession {
        id: session_id(id),
        hash: pepper.hash(id.as_bytes()),
        bot: key.bot.clone(),
        key: key.id.clone(),
        user: UserName::parse("alice@example.com").unwrap(),
        claims: Claims::parse(
            r#"{"customer_id":"C-7","age":41,"balance":1.10,"vip":true,"roles":["a","b"]}"#,
        )
        .unwrap(),
        created: NOW,
        expires,
    }
}

pub(crate) fn stored_key(id: &str, pepper: &Pepper) -> StoredKey {
    StoredKey {
        hash: pepper.hash(id.as_bytes()),
        record: KeyRecord {
            id: KeyId::parse(id).unwrap(),
            bot: bot("shop"),
            rights: Rights::new([Right::Chat, Right::AssertUser]).unwrap(),
            label: Some("till, 2nd floor — é".into()),
            created: NOW,
            expires: Some(MUCH_LATER),
            revoked: None,
        },
    }
}

pub(crate) fn turn(text: &str) -> Turn {
    Turn::new(text.into(), &[(0, 1)]).unwrap()
}

/// Makes a test of each case, over the backend that `$open` gives.
macro_rules! suite {
    ($backend:ident, $open:path) => {
        mod $backend {
            $crate::conformance::cases! { $open;
                keys: issued_keys_come_back_in_order, a_full_store_keeps_no_more, an_id_or_hash_is_kept_once,
                    every_change_raises_the_generation, revoking_is_for_good_and_keeps_its_time,
                    revoking_a_key_ends_its_sessions, unknown_keys_are_not_revoked;
                sessions: live_sessions_come_back_whole, no_session_for_a_revoked_or_unknown_key,
                    ended_and_expired_sessions_are_not_live, ending_is_once_and_only_for_the_bot,
                    turns_are_kept_once_per_idempotency_key, turns_of_others_ended_or_full_sessions_are_refused,
                    idempotency_keys_are_of_one_session, turns_come_back_in_order, purging_deletes_what_has_expired,
                    parallel_postings_keep_one_turn, parallel_turns_stop_at_the_bound,
                    a_session_is_read_alone_while_it_is_live, sessions_and_revocations_at_once_leave_none_alive;
                keyring: a_person_has_one_key_whoever_asks, processes_that_start_at_once_have_the_same_keys,
                    what_was_sealed_under_a_destroyed_key_is_gone_everywhere,
                    rotating_the_tenants_key_changes_nothing_that_was_sealed,
                    keys_are_made_while_the_tenants_key_is_rotated, a_rotation_that_is_cut_off_goes_on,
                    a_process_that_serves_takes_up_the_new_root;
                exchanges: exchanges_come_back_whole_and_in_order, an_exchange_is_kept_once,
                    exchanges_whose_time_is_over_are_deleted, exchanges_go_with_their_person,
                    what_was_under_way_when_its_person_was_erased_is_dropped;
                subjects: erasing_a_person_deletes_what_is_theirs_alone, erasing_nobody_does_nothing,
                    a_turn_of_somebody_who_is_being_erased_gets_no_new_key;
                approvals: an_approval_comes_back_whole, the_same_question_is_asked_once,
                    an_approval_is_for_exactly_one_call, of_a_hundred_who_redeem_at_once_one_does,
                    what_expired_is_worth_nothing, two_people_have_to_be_two, answers_at_once_leave_one_state,
                    as_many_wait_as_may, nobody_is_asked_more_than_they_can_read, questions_at_once_stop_at_the_bound,
                    the_end_of_a_session_takes_its_approvals_along, a_revoked_key_takes_its_approvals_along,
                    what_is_stopped_is_neither_asked_nor_used, what_is_endorsed_for_good_is_known,
                    as_much_is_known_as_may_be, approvals_are_listed_newest_first, approvals_go_with_their_person;
                quarantine: stops_come_back_whole_and_in_order, what_is_stopped_is_stopped_once,
                    another_process_takes_up_what_is_stopped, a_stopped_person_can_be_erased;
                chronicle: a_story_comes_back_in_order_with_its_turns, entries_at_once_are_all_kept,
                    a_session_that_is_over_has_no_story_to_add_to, a_story_ends_with_its_session_or_its_retention,
                    a_revoked_key_ends_the_stories_of_its_sessions, a_story_has_bounds,
                    sessions_with_a_story_are_found, stories_go_with_their_person;
                history: counts_are_each_persons_own, a_first_party_is_noticed, calls_at_once_never_exceed_a_cap,
                    what_was_not_sent_is_taken_back, old_counts_are_deleted, counts_go_with_their_person;
            }
        }
    };
}

/// See [`suite!`].
macro_rules! cases {
    ($open:path; $($module:ident: $($case:ident),+;)+) => {$($(
        #[tokio::test]
        async fn $case() {
            if let Some(backend) = $open().await {
                $crate::conformance::$module::$case(backend).await;
            }
        }
    )+)+};
}

pub(crate) use {cases, suite};
