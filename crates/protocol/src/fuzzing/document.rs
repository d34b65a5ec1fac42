//! Our JSON reader takes exactly what `serde_json` takes with duplicate names refused, within our bounds, and reads
//! the same. The one exception: `serde_json` refuses numbers that do not fit an `f64`, we keep any as text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::Bounds;
use crate::json::{Document, Kind, Value};

/// What `serde_json` read, each name once.
enum Theirs {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Theirs>),
    Object(Vec<(String, Theirs)>),
}

pub(super) fn check(bytes: &[u8]) {
    let ours = Document::parse(bytes, &Bounds::default());
    let theirs = serde_json::from_slice::<Theirs>(bytes);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            check_spans(bytes, ours.root());
            check_same(ours.root(), &theirs);
        }
        (Ok(_), Err(error)) => {
            assert!(error.to_string().starts_with("number out of range"), "we take it: {error}")
        }
        (Err(error), Ok(_)) => assert!(error.kind.is_bound(), "we refuse it: {error}"),
        (Err(error), Err(_)) => assert!(error.at <= bytes.len(), "{error}"),
    }
}

fn check_same(ours: Value<'_>, theirs: &Theirs) {
    match theirs {
        Theirs::Null => assert_eq!(ours.kind(), Kind::Null),
        Theirs::Bool(flag) => assert_eq!(ours.as_bool(), Some(*flag)),
        Theirs::Number(number) => {
            assert_eq!(ours.kind(), Kind::Number);
            assert_eq!(&serde_json::from_str::<Number>(ours.raw()).unwrap(), number);
            if let Some(whole) = ours.as_u64() {
                assert_eq!(number.as_u64(), Some(whole));
            }
        }
        Theirs::Text(text) => assert_eq!(ours.as_str().unwrap(), text.as_str()),
        Theirs::Array(items) => {
            assert_eq!((ours.kind(), ours.items().count()), (Kind::Array, items.len()));
            ours.items().zip(items).for_each(|(ours, theirs)| check_same(ours, theirs));
        }
        Theirs::Object(fields) => {
            assert_eq!((ours.kind(), ours.entries().count()), (Kind::Object, fields.len()));
            for ((name, ours), (their_name, theirs)) in ours.entries().zip(fields) {
                assert!(name.as_str() == their_name.as_str() && name.is(their_name));
                check_same(ours, theirs);
            }
        }
    }
}

/// Every span holds its value and nothing else: it parses to the same by itself.
fn check_spans(bytes: &[u8], value: Value<'_>) {
    let span = value.span();
    let alone = Document::parse(&bytes[span.start..span.end], &Bounds::default()).unwrap();
    assert_eq!(alone.root().raw(), value.raw());
    assert_eq!(alone.root().kind(), value.kind());
    if value.span().end - value.span().start < bytes.len() || bytes.len() < 1000 {
        value.items().for_each(|item| check_spans(bytes, item));
        value.entries().for_each(|(_, value)| check_spans(bytes, value));
    }
}

impl<'de> Deserialize<'de> for Theirs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Theirs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Theirs, E> {
        Ok(Theirs::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Theirs, E> {
        Ok(Theirs::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Theirs, E> {
        Ok(Theirs::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Theirs, E> {
        Ok(Theirs::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Theirs, E> {
        Number::from_f64(number).map(Theirs::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Theirs, E> {
        Ok(Theirs::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Theirs, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element()? {
            read.push(item);
        }
        Ok(Theirs::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Theirs, A::Error> {
        let mut read: Vec<(String, Theirs)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some((name, value)) = fields.next_entry::<String, Theirs>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("duplicate name"));
            }
            read.push((name, value));
        }
        Ok(Theirs::Object(read))
    }
}
