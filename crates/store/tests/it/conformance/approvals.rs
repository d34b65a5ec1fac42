//! What a [`botwarden_policy::approval::ApprovalStore`] must do.

use botwarden_identity::KeyRecord;
use botwarden_policy::approval::{
    APPROVAL_KEPT_MS, APPROVAL_TTL_MS_MAX, Answer, Answered, Answerers, ApprovalId, Asked, Decision, Endorse,
    Evidence, FINDINGS_MAX, Forget, Given, KNOWN_MAX, Listing, PARTIES_MAX, Party, PendingMax, People,
    Person, Question, Redeemed, State, TEXT_BYTES_MAX, WORDS_BYTES_MAX,
};
use botwarden_policy::quarantine::{Scope, Stop, Stopped};
use botwarden_policy::{ExactCall, Holder, Outcome};
use botwarden_types::{UnixMs, UserName};
use tokio::task::JoinSet;

use super::{Backend, LATER, MUCH_LATER, NOW, bot, session_id};

fn alice() -> UserName {
    UserName::parse("alice@example.com").unwrap()
}

/// Opens a session of `alice`, and gives who uses tools in it.
async fn holder(backend: &Backend, session: &str) -> (Holder, KeyRecord) {
    let (_, key) = backend.issue("shop").await;
    backend.session(session, &key, MUCH_LATER).await;
    (in_session(session, &key), key)
}

fn in_session(session: &str, key: &KeyRecord) -> Holder {
    let session = Some(session_id(session));
    Holder { bot: bot("shop"), key: key.id.clone(), session, user: Some(alice()) }
}

fn call(holder: &Holder, to: &str) -> ExactCall {
    let arguments = format!(r#"{{"amount":12.50,"to":"{to}"}}"#);
    ExactCall::from_canonical(holder.clone(), "bank", "pay", arguments.into()).unwrap()
}

fn question(holder: &Holder, to: &str) -> Question {
    Question {
        call: call(holder, to),
        text: format!("pay 12.50 to {to}: found in bill.txt, never used before — é"),
        findings: vec![Evidence {
            at: "to".into(),
            outcome: Outcome::Ask,
            origin: "third-party".into(),
            text: "found in bill.txt".into(),
        }],
        parties: vec![Party { argument: "to".into(), value: to.into() }],
        answerers: Answerers::Both,
        needed: People::One,
        created: NOW,
        expires: UnixMs(NOW.0 + 900_000),
    }
}

async fn ask(backend: &Backend, question: &Question) -> Asked {
    let id = ApprovalId::random().unwrap();
    backend.store.approvals().ask(&id, question, PendingMax::default()).await.unwrap()
}

/// Asks, and gives the name it waits under.
async fn asked(backend: &Backend, question: &Question) -> ApprovalId {
    match ask(backend, question).await {
        Asked::Pending(id, _) => id,
        other => panic!("{other:?}"),
    }
}

fn given(by: Person, decision: Decision, endorse: Endorse) -> Given {
    Given { by, at: LATER, decision, endorse }
}

async fn answer(backend: &Backend, id: &ApprovalId, decision: Decision, endorse: Endorse) -> Answered {
    let given = given(Person::Operator("uid:1".into()), decision, endorse);
    let answer = Answer { id: id.clone(), session: None, given };
    backend.store.approvals().answer(&answer).await.unwrap()
}

async fn approve(backend: &Backend, id: &ApprovalId) {
    let answered = answer(backend, id, Decision::Approve, Endorse::Once).await;
    assert_eq!(answered, Answered::Taken(State::Approved));
}

async fn redeem(backend: &Backend, call: &ExactCall) -> Redeemed {
    backend.store.approvals().redeem(call, LATER).await.unwrap()
}

async fn state(backend: &Backend, id: &ApprovalId, now: UnixMs) -> State {
    backend.store.approvals().peek(id, now).await.unwrap().unwrap().state
}

/// What somebody who may write the database might try, over the approvals that [`prepared`] makes. (Putting back a whole row as it once was
/// is told by the audit log alone.)
pub(crate) const FORGERIES: &[&str] = &[
    "UPDATE approvals SET state = 'approved'",
    "UPDATE approvals SET state = 'approved', answers = (SELECT answers FROM approvals WHERE server = 'other')",
    "UPDATE approvals SET state = 'approved', needed = 1",
    "UPDATE approvals SET state = 'approved' WHERE state = 'used'",
    "UPDATE approvals SET expires = expires + 100000000",
    "UPDATE approvals SET call = (SELECT call FROM approvals WHERE state = 'denied') WHERE server = 'other'",
    "UPDATE approvals SET created = created + 1, state = 'approved'",
];

/// One that waits, one of two answers, one denied, one used, one that expired, and one of another tool that is approved; the calls of all
/// but the last.
pub(crate) async fn prepared(backend: &Backend) -> Vec<ExactCall> {
    let (holder, _) = holder(backend, "ses_a").await;
    asked(backend, &question(&holder, "waits")).await;
    let two = asked(backend, &Question { needed: People::Two, ..question(&holder, "two") }).await;
    answer(backend, &two, Decision::Approve, Endorse::Once).await;
    let denied = asked(backend, &question(&holder, "denied")).await;
    answer(backend, &denied, Decision::Deny, Endorse::Once).await;
    let used = asked(backend, &question(&holder, "used")).await;
    approve(backend, &used).await;
    redeem(backend, &call(&holder, "used")).await;
    let expired =
        asked(backend, &Question { expires: UnixMs(LATER.0 + 1), ..question(&holder, "expired") }).await;
    approve(backend, &expired).await;
    let call_of_other = ExactCall { server: "other".into(), ..call(&holder, "other") };
    let other = asked(backend, &Question { call: call_of_other, ..question(&holder, "other") }).await;
    approve(backend, &other).await;
    ["waits", "two", "denied", "used", "expired"].iter().map(|to| call(&holder, to)).collect()
}

/// Which of the calls could go on, a moment after the last has expired.
pub(crate) async fn usable(backend: &Backend, calls: &[ExactCall]) -> Vec<String> {
    let mut usable = Vec::new();
    for call in calls {
        let redeemed = backend.store.approvals().redeem(call, UnixMs(LATER.0 + 1)).await.unwrap();
        if redeemed != Redeemed::No {
            usable.push(call.arguments.to_string());
        }
    }
    usable
}

pub(crate) async fn an_approval_comes_back_whole(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let nobody = Holder { session: None, user: None, ..holder.clone() };
    for (holder, of) in [(&holder, true), (&nobody, false)] {
        let question = question(holder, "DE1");
        let id = asked(&backend, &question).await;
        for process in [&backend, &backend.another().await] {
            let kept = process.store.approvals().peek(&id, NOW).await.unwrap().unwrap();
            assert_eq!((&kept.id, kept.state, kept.answers.len()), (&id, State::Pending, 0));
            assert_eq!(kept.question, question);
            let approvals = process.store.approvals();
            let waits = approvals.pending(&bot("shop"), &session_id("ses_a"), NOW).await.unwrap();
            assert_eq!(waits.iter().any(|waiting| waiting.id == id), of);
        }
    }
    let approvals = backend.store.approvals();
    let other = approvals.pending(&bot("bank"), &session_id("ses_a"), NOW).await.unwrap();
    assert_eq!(other, [], "another bot's");
    assert_eq!(approvals.peek(&ApprovalId::random().unwrap(), NOW).await.unwrap(), None);
}

pub(crate) async fn the_same_question_is_asked_once(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let first = asked(&backend, &question(&holder, "DE1")).await;
    assert_eq!(asked(&backend, &question(&holder, "DE1")).await, first);
    let other = asked(&backend, &question(&holder, "DE2")).await;
    assert_ne!(other, first);
    approve(&backend, &first).await;
    assert_eq!(ask(&backend, &question(&holder, "DE1")).await, Asked::Approved(first.clone()));
    assert_eq!(redeem(&backend, &call(&holder, "DE1")).await, Redeemed::Yes(first.clone()));
    let again = asked(&backend, &question(&holder, "DE1")).await;
    assert_ne!(again, first, "what was used has to be asked anew");
    answer(&backend, &other, Decision::Deny, Endorse::Once).await;
    assert_eq!(ask(&backend, &question(&holder, "DE2")).await, Asked::Denied(other));
}

pub(crate) async fn an_approval_is_for_exactly_one_call(backend: Backend) {
    let (holder, key) = holder(&backend, "ses_a").await;
    backend.session("ses_b", &key, MUCH_LATER).await;
    let id = asked(&backend, &question(&holder, "DE1")).await;
    let right = call(&holder, "DE1");
    assert_eq!(redeem(&backend, &right).await, Redeemed::No, "not answered yet");
    approve(&backend, &id).await;
    for (name, wrong) in [
        ("another party", call(&holder, "DE2")),
        ("another session", call(&in_session("ses_b", &key), "DE1")),
        ("without its session", call(&Holder { session: None, ..holder.clone() }, "DE1")),
        ("no such session", call(&in_session("ses_none", &key), "DE1")),
        ("another tool", ExactCall { tool: "pay2".into(), ..right.clone() }),
        ("another server", ExactCall { server: "bank2".into(), ..right.clone() }),
        (
            "spelled otherwise",
            ExactCall { arguments: right.arguments.replace("12.50", "12.5").into(), ..right.clone() },
        ),
    ] {
        assert_eq!(redeem(&backend, &wrong).await, Redeemed::No, "{name}");
    }
    assert_eq!(redeem(&backend.another().await, &right).await, Redeemed::Yes(id.clone()));
    assert_eq!(redeem(&backend, &right).await, Redeemed::No, "used");
    assert_eq!(state(&backend, &id, LATER).await, State::Used);
}

pub(crate) async fn of_a_hundred_who_redeem_at_once_one_does(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let id = asked(&backend, &question(&holder, "DE1")).await;
    approve(&backend, &id).await;
    let others = [backend.another().await, backend.another().await];
    let mut all = JoinSet::new();
    for at in 0..100 {
        let process = if at % 2 == 0 { &others[0] } else { &others[1] };
        let (approvals, call) = (process.store.approvals(), call(&holder, "DE1"));
        all.spawn(async move { approvals.redeem(&call, LATER).await.unwrap() });
    }
    let got = all.join_all().await;
    assert_eq!(got.iter().filter(|redeemed| **redeemed == Redeemed::Yes(id.clone())).count(), 1);
    assert_eq!(got.iter().filter(|redeemed| **redeemed == Redeemed::No).count(), 99);
}

pub(crate) async fn what_expired_is_worth_nothing(backend: Backend) {
    let (holder, key) = holder(&backend, "ses_a").await;
    let id = asked(&backend, &question(&holder, "DE1")).await;
    approve(&backend, &id).await;
    let (approvals, over) = (backend.store.approvals(), UnixMs(NOW.0 + 900_000));
    assert_eq!(approvals.redeem(&call(&holder, "DE1"), over).await.unwrap(), Redeemed::No);
    assert_eq!(state(&backend, &id, over).await, State::Expired);
    // A question does not outlive the session it came from.
    backend.session("ses_short", &key, LATER).await;
    let question = question(&in_session("ses_short", &key), "DE1");
    let Asked::Pending(short, expires) = ask(&backend, &question).await else { panic!() };
    assert_eq!(expires, LATER);
    assert_eq!(
        answer(&backend, &short, Decision::Approve, Endorse::Once).await,
        Answered::Over(State::Expired)
    );
    let kept = UnixMs(over.0 + APPROVAL_KEPT_MS);
    for (name, now, want) in [
        ("still of interest", UnixMs(LATER.0 + APPROVAL_KEPT_MS - 1), 0),
        ("the short one", UnixMs(LATER.0 + APPROVAL_KEPT_MS), 1),
        ("the other", kept, 1),
        ("none left", kept, 0),
    ] {
        assert_eq!(approvals.purge_approvals(now, 10).await.unwrap(), want, "{name}");
    }
}

pub(crate) async fn two_people_have_to_be_two(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let question = Question { needed: People::Two, ..question(&holder, "DE1") };
    let id = asked(&backend, &question).await;
    let of = Some((bot("shop"), session_id("ses_a")));
    let approvals = backend.store.approvals();
    for (name, session, by, want) in [
        ("the person", of.clone(), Person::User, Answered::Taken(State::Pending)),
        ("once more", of, Person::User, Answered::SamePerson),
        ("an operator", None, Person::Operator("uid:1".into()), Answered::Taken(State::Approved)),
    ] {
        let given = given(by, Decision::Approve, Endorse::Once);
        let answer = Answer { id: id.clone(), session, given };
        assert_eq!(redeem(&backend, &call(&holder, "DE1")).await, Redeemed::No, "{name}: not yet");
        assert_eq!(approvals.answer(&answer).await.unwrap(), want, "{name}");
    }
    let answers = approvals.peek(&id, LATER).await.unwrap().unwrap().answers;
    let people: Vec<_> = answers.into_iter().map(|given| given.by).collect();
    assert_eq!(people, [Person::User, Person::Operator("uid:1".into())]);
    assert_eq!(redeem(&backend, &call(&holder, "DE1")).await, Redeemed::Yes(id));
}

pub(crate) async fn answers_at_once_leave_one_state(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let id = asked(&backend, &question(&holder, "DE1")).await;
    let mut all = JoinSet::new();
    for at in 0..20 {
        let approvals = backend.store.approvals();
        let decision = if at % 2 == 0 { Decision::Approve } else { Decision::Deny };
        let given = given(Person::Operator(format!("uid:{at}")), decision, Endorse::Once);
        let answer = Answer { id: id.clone(), session: None, given };
        all.spawn(async move { approvals.answer(&answer).await.unwrap() });
    }
    let got = all.join_all().await;
    assert_eq!(
        state(&backend, &id, LATER).await,
        State::Denied,
        "a no may come after a yes, not the other way round"
    );
    assert!(got.iter().filter(|answered| **answered == Answered::Taken(State::Approved)).count() <= 1);
    assert_eq!(got.iter().filter(|answered| **answered == Answered::Taken(State::Denied)).count(), 1);
}

pub(crate) async fn as_many_wait_as_may(backend: Backend) {
    let (holder, key) = holder(&backend, "ses_a").await;
    for id in ["ses_b", "ses_c"] {
        backend.session(id, &key, MUCH_LATER).await;
    }
    let max = PendingMax { session: 2, user: 3, bot: 4 };
    let nobody = Holder { session: None, user: None, ..holder.clone() };
    let approvals = backend.store.approvals();
    for (name, holder, to, want) in [
        ("first", holder.clone(), "1", None),
        ("second", holder.clone(), "2", None),
        ("third of a session", holder.clone(), "3", Some(("session", 2))),
        ("what waits already", holder.clone(), "2", None),
        ("another session", in_session("ses_b", &key), "1", None),
        ("fourth of a person", in_session("ses_c", &key), "1", Some(("user", 3))),
        ("nobody's", nobody.clone(), "1", None),
        ("fifth of a bot", nobody, "2", Some(("bot", 4))),
    ] {
        let id = ApprovalId::random().unwrap();
        let got = match approvals.ask(&id, &question(&holder, to), max).await.unwrap() {
            Asked::TooMany { of, max } => Some((of, max)),
            Asked::Pending(..) => None,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(got, want, "{name}");
    }
}

pub(crate) async fn nobody_is_asked_more_than_they_can_read(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let plain = question(&holder, "DE1");
    let found = |text: usize| Evidence { text: "x".repeat(text), ..plain.findings[0].clone() };
    for (name, question) in [
        ("a long text", Question { text: "x".repeat(TEXT_BYTES_MAX + 1), ..plain.clone() }),
        ("many findings", Question { findings: vec![found(1); FINDINGS_MAX + 1], ..plain.clone() }),
        ("long findings", Question { findings: vec![found(WORDS_BYTES_MAX)], ..plain.clone() }),
        (
            "many parties",
            Question { parties: vec![plain.parties[0].clone(); PARTIES_MAX + 1], ..plain.clone() },
        ),
    ] {
        assert_eq!(ask(&backend, &question).await, Asked::TooMuch, "{name}");
    }
    let (_, key) = backend.issue("shop").await;
    let own = Holder { session: None, key: key.id, ..holder };
    let patient = Question { expires: UnixMs(u64::MAX), ..question(&own, "DE1") };
    let Asked::Pending(_, expires) = ask(&backend, &patient).await else { panic!() };
    assert_eq!(expires, UnixMs(NOW.0 + APPROVAL_TTL_MS_MAX));
}

pub(crate) async fn questions_at_once_stop_at_the_bound(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let max = PendingMax { session: 3, ..PendingMax::default() };
    let mut all = JoinSet::new();
    for at in 0..12 {
        let (approvals, question) = (backend.store.approvals(), question(&holder, &format!("DE{}", at / 2)));
        all.spawn(
            async move { approvals.ask(&ApprovalId::random().unwrap(), &question, max).await.unwrap() },
        );
    }
    let got = all.join_all().await;
    let waiting: std::collections::HashSet<_> = got
        .into_iter()
        .filter_map(|asked| match asked {
            Asked::Pending(id, _) => Some(id),
            _ => None,
        })
        .collect();
    assert_eq!(waiting.len(), 3);
}

pub(crate) async fn the_end_of_a_session_takes_its_approvals_along(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let waits = asked(&backend, &question(&holder, "DE1")).await;
    let approved = asked(&backend, &question(&holder, "DE2")).await;
    approve(&backend, &approved).await;
    backend.sessions.end_session(&bot("shop"), &session_id("ses_a"), NOW).await.unwrap();
    for id in [waits, approved] {
        assert_eq!(state(&backend, &id, LATER).await, State::Withdrawn);
    }
    assert_eq!(redeem(&backend, &call(&holder, "DE2")).await, Redeemed::No);
    assert_eq!(ask(&backend, &question(&holder, "DE3")).await, Asked::NoSession);
}

pub(crate) async fn a_revoked_key_takes_its_approvals_along(backend: Backend) {
    let (holder, key) = holder(&backend, "ses_a").await;
    let own = Holder { session: None, user: None, ..holder.clone() };
    let ids =
        [asked(&backend, &question(&holder, "DE1")).await, asked(&backend, &question(&own, "DE1")).await];
    backend.keys.revoke_key(&key.id, NOW).await.unwrap();
    for id in ids {
        assert_eq!(state(&backend, &id, LATER).await, State::Withdrawn);
    }
}

pub(crate) async fn what_is_stopped_is_neither_asked_nor_used(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let other = backend.another().await;
    let (approvals, quarantine) = (backend.store.approvals(), other.store.quarantine());
    let tool = |of: Option<&str>, server: &str, tool: Option<&str>| Scope::Tool {
        bot: of.map(bot),
        server: server.into(),
        tool: tool.map(Into::into),
    };
    for (at, (scope, stopped)) in [
        (Scope::Everything, true),
        (Scope::Bot(bot("shop")), true),
        (Scope::Bot(bot("bank")), false),
        (Scope::Session(session_id("ses_a")), true),
        (Scope::Session(session_id("ses_b")), false),
        (Scope::User(bot("shop"), alice()), true),
        (Scope::User(bot("bank"), alice()), false),
        (tool(None, "bank", None), true),
        (tool(Some("shop"), "bank", Some("pay")), true),
        (tool(Some("bank"), "bank", Some("pay")), false),
        (tool(None, "bank", Some("look")), false),
    ]
    .into_iter()
    .enumerate()
    {
        let (waits, approved) = (format!("W{at}"), format!("A{at}"));
        let waits = asked(&backend, &question(&holder, &waits)).await;
        let id = asked(&backend, &question(&holder, &approved)).await;
        approve(&backend, &id).await;
        let stop = Stop { scope: scope.clone(), reason: "why".into(), by: "uid:1".into(), since: NOW };
        let withdrawn = quarantine.stop(&stop).await.unwrap();
        assert_eq!(withdrawn, Stopped::Now(if stopped { 2 } else { 0 }), "{scope:?}");
        let late = ask(&backend, &question(&holder, &format!("L{at}"))).await;
        assert_eq!(late == Asked::Stopped, stopped, "{scope:?}");
        let got = redeem(&backend, &call(&holder, &approved)).await;
        assert_eq!(got, if stopped { Redeemed::Stopped } else { Redeemed::Yes(id.clone()) }, "{scope:?}");
        assert!(quarantine.lift(&scope).await.unwrap());
        if stopped {
            let got = redeem(&backend, &call(&holder, &approved)).await;
            assert_eq!(got, Redeemed::No, "{scope:?}: lifted, and asked anew");
        }
        assert_eq!(state(&backend, &waits, LATER).await == State::Withdrawn, stopped, "{scope:?}");
        approvals.withdraw(&Scope::Everything, LATER).await.unwrap();
    }
}

pub(crate) async fn what_is_endorsed_for_good_is_known(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let approvals = backend.store.approvals();
    let once = asked(&backend, &question(&holder, "DE0")).await;
    approve(&backend, &once).await;
    assert_eq!(approvals.known_for(&bot("shop"), &alice()).await.unwrap(), []);
    let id = asked(&backend, &question(&holder, "DE1")).await;
    let taken = Answered::Taken(State::Approved);
    for _ in 0..2 {
        assert_eq!(answer(&backend, &id, Decision::Approve, Endorse::Known).await, taken);
    }
    let known = backend.another().await.store.approvals().known_for(&bot("shop"), &alice()).await.unwrap();
    let [known] = &known[..] else { panic!("{known:?}") };
    assert_eq!((known.server.as_str(), known.tool.as_str()), ("bank", "pay"));
    assert_eq!(known.party, Party { argument: "to".into(), value: "DE1".into() });
    assert_eq!((known.since, &known.approval), (LATER, &id));
    // The same value is known once.
    redeem(&backend, &call(&holder, "DE1")).await;
    let again = asked(&backend, &question(&holder, "DE1")).await;
    assert_eq!(answer(&backend, &again, Decision::Approve, Endorse::Known).await, taken);
    assert_eq!(approvals.known_for(&bot("shop"), &alice()).await.unwrap().len(), 1);
    for (of, name) in [("bank", "alice@example.com"), ("shop", "bob")] {
        let nobody = UserName::parse(name).unwrap();
        assert_eq!(approvals.known_for(&bot(of), &nobody).await.unwrap(), [], "{of} {name}");
        assert_eq!(approvals.forget(&bot(of), &nobody, Forget::All).await.unwrap(), 0);
    }
    assert_eq!(approvals.forget(&bot("shop"), &alice(), Forget::One("knw_none")).await.unwrap(), 0);
    assert_eq!(approvals.forget(&bot("shop"), &alice(), Forget::One(&known.id)).await.unwrap(), 1);
    assert_eq!(approvals.known_for(&bot("shop"), &alice()).await.unwrap(), []);
}

pub(crate) async fn as_much_is_known_as_may_be(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let approvals = backend.store.approvals();
    let each = 32;
    let rounds = KNOWN_MAX / each;
    for at in 0..=rounds {
        let party = |n| Party { argument: "to".into(), value: format!("DE{at}-{n}") };
        let question =
            Question { parties: (0..each).map(party).collect(), ..question(&holder, &format!("DE{at}")) };
        let id = asked(&backend, &question).await;
        let got = answer(&backend, &id, Decision::Approve, Endorse::Known).await;
        if at < rounds {
            assert_eq!(got, Answered::Taken(State::Approved), "round {at}");
            redeem(&backend, &question.call).await;
        } else {
            assert_eq!(got, Answered::CannotBeKnown);
            assert_eq!(state(&backend, &id, LATER).await, State::Pending, "it may still be approved once");
        }
    }
    assert_eq!(approvals.known_for(&bot("shop"), &alice()).await.unwrap().len(), each * rounds);
}

pub(crate) async fn approvals_are_listed_newest_first(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let mut ids = Vec::new();
    for to in ["1", "2", "3"] {
        ids.push(asked(&backend, &question(&holder, to)).await);
    }
    approve(&backend, &ids[1]).await;
    let approvals = backend.store.approvals();
    for (name, listing, max, want) in [
        ("all", Listing::default(), 10, vec![2, 1, 0]),
        ("a page", Listing::default(), 2, vec![2, 1]),
        ("that wait", Listing { pending: true, bot: None }, 10, vec![2, 0]),
        ("a bot's", Listing { pending: false, bot: Some(bot("shop")) }, 10, vec![2, 1, 0]),
        ("another bot's", Listing { pending: false, bot: Some(bot("bank")) }, 10, vec![]),
    ] {
        let got = approvals.list(&listing, NOW, max).await.unwrap();
        let got: Vec<_> = got.iter().map(|approval| &approval.id).collect();
        assert_eq!(got, want.iter().map(|at: &usize| &ids[*at]).collect::<Vec<_>>(), "{name}");
    }
}

pub(crate) async fn approvals_go_with_their_person(backend: Backend) {
    let (holder, _) = holder(&backend, "ses_a").await;
    let id = asked(&backend, &question(&holder, "DE1")).await;
    answer(&backend, &id, Decision::Approve, Endorse::Known).await;
    let waits = asked(&backend, &question(&holder, "DE2")).await;
    let other = backend.another().await;
    other.store.erase_subject(&bot("shop"), &alice(), LATER).await.unwrap();
    for process in [&backend, &other] {
        let approvals = process.store.approvals();
        for id in [&id, &waits] {
            assert_eq!(approvals.peek(id, LATER).await.unwrap(), None);
            assert_eq!(answer(process, id, Decision::Deny, Endorse::Once).await, Answered::NotFound);
        }
        assert_eq!(approvals.known_for(&bot("shop"), &alice()).await.unwrap(), []);
        assert_eq!(redeem(process, &call(&holder, "DE1")).await, Redeemed::No);
        assert_eq!(ask(process, &question(&holder, "DE3")).await, Asked::NoSession, "no new key for them");
        assert_eq!(approvals.list(&Listing::default(), LATER, 10).await.unwrap(), []);
    }
}
