use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;

pub(crate) fn word(text: &str) -> Word {
    Word::parse(text).unwrap()
}

fn words() -> impl Strategy<Value = Word> {
    "[!#-\\[\\]-~]{1,20}".prop_map(|text| word(&text))
}

fn hashes() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn commitments() -> impl Strategy<Value = Commitment> {
    hashes().prop_map(Commitment::from_hash)
}

fn maybe<S: Strategy>(of: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    prop::option::of(of)
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![Verdict::Allowed, Verdict::Denied])
}

fn requests() -> impl Strategy<Value = botwarden_types::RequestId> {
    any::<(u64, u64)>().prop_map(|(process, number)| botwarden_types::RequestId::numbered(process, number))
}

fn decisions() -> impl Strategy<Value = Decision> {
    let who = (maybe(words()), maybe(words()), maybe(commitments()), maybe(commitments()));
    let what = (words(), maybe(words()), maybe(hashes()), verdicts(), maybe(words()), maybe(any::<u64>()));
    (requests(), "[a-z0-9_-]{1,20}", who, what).prop_map(|(request, slug, who, what)| Decision {
        request,
        bot: who.0.map(|_| botwarden_types::BotName::parse(&slug).unwrap()),
        key: who.1.as_ref().map(|_| botwarden_types::KeyId::parse(&slug).unwrap()),
        session: who.1.map(|_| botwarden_types::SessionId::parse(&slug).unwrap()),
        user: who.2,
        address: who.3,
        operation: what.0,
        model: what.1,
        policy: what.2,
        verdict: what.3,
        reason: what.4,
        tokens: what.5,
    })
}

fn events() -> impl Strategy<Value = Event> {
    let changes = || {
        (words(), maybe(hashes()), hashes(), any::<u64>())
            .prop_map(|(by, before, after, generation)| Change { by, before, after, generation })
    };
    prop_oneof![
        decisions().prop_map(Event::Decision),
        (requests(), words(), maybe(words()), maybe(any::<u64>()), any::<(u64, u64)>()).prop_map(
            |(request, outcome, reason, status, (bytes, duration_ms))| Event::Outcome(Outcome {
                request,
                outcome,
                reason,
                status,
                input_tokens: status,
                output_tokens: None,
                bytes,
                duration_ms
            })
        ),
        (requests(), maybe(words()), words(), maybe(commitments()), maybe(hashes()), verdicts()).prop_map(
            |(request, call, tool, arguments, policy, verdict)| Event::ToolCall(ToolCall {
                request,
                reason: call.clone(),
                call,
                tool,
                place: ToolPlace::Proposed,
                arguments,
                policy,
                verdict,
            })
        ),
        (words(), words(), maybe(words()), maybe(commitments()), verdicts()).prop_map(
            |(operator, action, target, details, verdict)| Event::Operator(OperatorAction {
                operator,
                action,
                reason: target.clone(),
                target,
                details,
                verdict
            })
        ),
        changes().prop_map(Event::Configuration),
        changes().prop_map(Event::Policy),
        (words(), words(), maybe(words())).prop_map(|(purpose, key, by)| Event::Key(KeyOperation {
            purpose,
            key,
            operation: KeyUse::Rotate,
            by
        })),
        (words(), prop::collection::btree_set(any::<[u8; 16]>(), 0..9)).prop_map(|(by, ids)| Event::Erasure(
            Erasure {
                erasure: by.clone(),
                reason: by.clone(),
                by,
                part: 1,
                parts: 1,
                entries: ids.into_iter().map(EntryId).collect()
            }
        )),
        (words(), any::<u64>()).prop_map(|(version, torn_bytes)| Event::Start(Start { version, torn_bytes })),
        words().prop_map(|reason| Event::Stop(Stop { reason })),
    ]
}

pub(crate) fn entries() -> impl Strategy<Value = Entry> {
    (any::<[u8; 16]>(), any::<u64>(), maybe(hashes()), events()).prop_map(|(id, at, content, event)| Entry {
        id: EntryId(id),
        at: UnixMs(at),
        content,
        event,
    })
}

const STOP: &str =
    r#"{"v":1,"id":"000102030405060708090a0b0c0d0e0f","at":7,"kind":"stop","reason":"signal"}"#;

#[test]
fn an_entry_reads_as_json() {
    let id = EntryId(std::array::from_fn(|n| u8::try_from(n).unwrap()));
    let stop =
        Entry { id, at: UnixMs(7), content: None, event: Event::Stop(Stop { reason: word("signal") }) };
    assert_eq!(std::str::from_utf8(&stop.encode().unwrap()), Ok(STOP));
    assert_eq!(Entry::decode(STOP.as_bytes()), Ok(stop));
}

#[test]
fn bytes_that_are_no_entry() {
    for (name, text) in [
        ("empty", String::new()),
        ("another version", STOP.replace("\"v\":1", "\"v\":2")),
        ("no version", STOP.replace("\"v\":1,", "")),
        ("white space", STOP.replace(',', ", ")),
        ("a space in front", format!(" {STOP}")),
        ("something behind", format!("{STOP} ")),
        ("a leading zero", STOP.replace(":7", ":07")),
        ("a negative time", STOP.replace(":7", ":-7")),
        ("a time with a fraction", STOP.replace(":7", ":7.0")),
        ("a time too large", STOP.replace(":7", ":18446744073709551616")),
        ("capital digits", STOP.replace("0a0b", "0A0B")),
        ("a short id", STOP.replace("0001", "")),
        ("another order", STOP.replace("\"at\":7,\"kind\":\"stop\"", "\"kind\":\"stop\",\"at\":7")),
        ("an unknown kind", STOP.replace("stop", "halt")),
        ("an unknown field", STOP.replace("}", ",\"more\":1}")),
        ("a field twice", STOP.replace(":7", ":7,\"at\":7")),
        ("an absent field", STOP.replace(",\"reason\":\"signal\"", "")),
        ("an escape", STOP.replace("signal", "sign\\u0061l")),
        ("an empty word", STOP.replace("signal", "")),
        ("not ASCII", STOP.replace("signal", "señal")),
        ("null for absent", STOP.replace("\"kind\"", "\"content\":null,\"kind\"")),
    ] {
        assert!(Entry::decode(text.as_bytes()).is_err(), "{name}");
    }
    assert_eq!(Entry::decode(STOP.replace("\"v\":1", "\"v\":2").as_bytes()), Err(EntryError::Version(2)));
    assert_eq!(Entry::decode(&[b'x'; 65_536]), Err(EntryError::TooLong { got: 65_536 }));
    for end in 0..STOP.len() {
        assert!(Entry::decode(&STOP.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn an_erasure_has_as_many_parts_as_it_takes() {
    let ids: Vec<EntryId> = (0..4000u32)
        .rev()
        .map(|n| EntryId([&n.to_be_bytes()[..], &[0; 12]].concat().try_into().unwrap()))
        .collect();
    let doubled = [&ids[..], &ids[..10]].concat();
    let parts = Erasure::parts(&word("e"), &word("operator"), &word("request"), doubled);
    assert_eq!(
        parts.iter().map(|it| (it.part, it.parts, it.entries.len())).collect::<Vec<_>>(),
        [(1, 3, 1800), (2, 3, 1800), (3, 3, 400)]
    );
    for erasure in parts {
        let entry = Entry {
            id: EntryId([1; 16]),
            at: UnixMs(u64::MAX),
            content: Some(Hash([1; 32])),
            event: Event::Erasure(erasure),
        };
        assert_eq!(Entry::decode(&entry.encode().unwrap()), Ok(entry));
    }
}

#[test]
fn commitments_hide_and_bind() {
    let salt = |byte| Salt::new(Zeroizing::new([byte; 32]));
    let one = salt(1).commit(Personal::User, b"alice");
    assert_eq!(one, salt(1).commit(Personal::User, b"alice"));
    for (name, other) in [
        ("another value", salt(1).commit(Personal::User, b"bob")),
        ("another field", salt(1).commit(Personal::Address, b"alice")),
        ("another entry", salt(2).commit(Personal::User, b"alice")),
    ] {
        assert_ne!(one, other, "{name}");
    }
    assert_eq!(format!("{:?}", salt(1)), "Salt(…)");
}

proptest! {
    #[test]
    fn what_is_written_is_read(entry in entries()) {
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(Entry::decode(&bytes), Ok(entry.clone()));
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&json["kind"], entry.event.kind());
    }

    #[test]
    fn what_is_read_is_written_so(entry in entries(), at: prop::sample::Index, byte: u8) {
        let mut bytes = entry.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Entry::decode(&bytes) {
            prop_assert_eq!(read.encode().unwrap(), bytes);
        }
    }
}
