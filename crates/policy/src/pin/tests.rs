use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::Data;

fn text(text: &str) -> Data {
    Data::Text(text.into())
}

fn map(entries: &[(&str, Data)]) -> Data {
    Data::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn pay(description: &str) -> Data {
    map(&[
        ("name", text("pay")),
        ("description", text(description)),
        ("inputSchema", map(&[("type", text("object")), ("max", Data::Number("1.0".into()))])),
        ("tags", Data::List(vec![Data::Null, Data::Bool(true), Data::List(vec![]), map(&[])])),
    ])
}

#[test]
fn one_text_for_one_definition() {
    let want = r#"{
  "description": "Pays \"all\".\n",
  "inputSchema": {
    "max": 1.0,
    "type": "object"
  },
  "name": "pay",
  "tags": [
    null,
    true,
    [],
    {}
  ]
}"#;
    assert_eq!(canonical(&pay("Pays \"all\".\n")), want);
    // Vector of RFC 8785 §3.2.3: names are ordered by UTF-16 code units.
    let names = ["\u{20ac}", "\r", "\u{fb33}", "1", "\u{1f600}", "\u{80}", "\u{f6}"];
    let odd = map(&names.map(|name| (name, Data::Null)));
    let order = canonical(&odd);
    let at = |name: &str| order.find(name).unwrap();
    let sorted = ["\\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"];
    assert!(sorted.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{order}");
}

#[test]
fn names_of_tools() {
    for (name, want) in [
        ("refund", None),
        ("get-order.v2/x_Y", None),
        ("", Some(Oddity::Length)),
        ("refund now", Some(Oddity::Name(' '))),
        ("rеfund", Some(Oddity::Name('е'))),
        ("refund\u{200b}", Some(Oddity::Name('\u{200b}'))),
    ] {
        assert_eq!(oddity_of_name(name), want, "{name}");
    }
    assert_eq!(oddity_of_name(&"a".repeat(129)), Some(Oddity::Length));
}

#[test]
fn names_that_look_alike() {
    let alike = |names: &[&'static str]| {
        let mut found: Vec<_> = look_alikes(names.iter().copied()).into_keys().collect();
        found.sort_unstable();
        found
    };
    assert_eq!(alike(&["read_file", "write_file"]), Vec::<&str>::new());
    assert_eq!(alike(&["read_file", "Read-File", "other"]), ["Read-File", "read_file"]);
    assert_eq!(alike(&["pay_all", "pay_a11"]), ["pay_a11", "pay_all"]);
    assert_eq!(alike(&["pay", "pay"]), ["pay"]);
}

#[test]
fn texts_that_nobody_sees() {
    for (name, words, odd) in [
        ("plain", "Pays an invoice.\n\tThen rests.", false),
        ("accents", "Überweist den Betrag – né à Zürich", false),
        ("Cyrillic", "Оплачивает счёт в рублях", false),
        ("Chinese", "支付账单", false),
        ("two alphabets in two words", "Оплата invoice", false),
        ("a formula", "Δx in µm", false),
        ("a family", "👨‍👩‍👧", false),
        ("a heart on fire", "❤️‍🔥", false),
        ("a keycap", "1️⃣", false),
        ("Persian", "می‌خواهم", false),
        ("zero width space", "Pays\u{200b}", true),
        ("a joiner alone", "Pays\u{200d} it", true),
        ("joiners in a row", "é\u{200d}\u{200d}é", true),
        ("joiners as bits", "é\u{200c}\u{200d}é", true),
        ("byte order mark", "\u{feff}Pays", true),
        ("tags", "Pays\u{e0041}\u{e0042}", true),
        ("variation selectors as bits", "Pays\u{e0101}", true),
        ("right to left", "Pays \u{202e}lla", true),
        ("isolates", "Pays \u{2066}all\u{2069}", true),
        ("a bell", "Pays\u{7}", true),
        ("a letter of another alphabet", "Pаys all", true),
        ("private use", "Pays \u{e000}", true),
        ("a blank that is a letter", "Pays \u{3164}", true),
    ] {
        let definition = map(&[("name", text("pay")), ("description", text(words))]);
        assert_eq!(oddity_of_text(&definition).is_some(), odd, "{name}");
        let in_a_name = map(&[("properties", map(&[(words, Data::Null)]))]);
        assert_eq!(oddity_of_text(&in_a_name).is_some(), odd, "{name}, as a field's name");
    }
    let deep = Data::List(vec![map(&[("enum", Data::List(vec![text("a\u{200b}")]))])]);
    let said = oddity_of_text(&deep).unwrap().to_string();
    assert_eq!(said, "it holds the invisible character U+200B at `[0].enum[0]`");
}

fn lock() -> Lock {
    let server = |description: &str| PinnedServer {
        identity: Pin::of(&map(&[("name", text("bank"))])),
        tools: BTreeMap::from([("pay".to_owned(), Pin::of(&pay(description)))]),
    };
    let mut lock = Lock::default();
    lock.accept("shop", "bank", server("Pays.\nWith '''quotes''' and \\ and \u{e9}."));
    lock.accept("desk", "bank", server("Pays."));
    lock
}

#[test]
fn a_lock_reads_as_it_was_written() {
    let text = lock().to_text().unwrap();
    assert_eq!(Lock::parse(&text).unwrap(), lock());
    insta::assert_snapshot!(text);
}

#[test]
fn locks_that_are_refused() {
    let good = lock().to_text().unwrap();
    for (name, text) in [
        ("another version", good.replace("version = 1", "version = 2")),
        ("a text that was edited", good.replace("\"pay\"", "\"pya\"")),
        ("a hash that was edited", good.replacen("sha256:", "sha256:0", 1)),
        ("an unknown key", good.replace("version = 1", "version = 1\nmode = 1")),
        ("a server twice", good.replace("bot = \"desk\"", "bot = \"shop\"")),
        ("nothing", String::new()),
    ] {
        assert!(Lock::parse(&text).is_err(), "{name}");
    }
}

#[test]
fn standings() {
    let lock = lock();
    let server = lock.server("desk", "bank").unwrap();
    let digest = |description: &str| Pin::of(&pay(description)).digest;
    assert_eq!(server.standing("pay", &digest("Pays.")), Standing::Accepted);
    assert_eq!(server.standing("pay", &digest("Pays!")), Standing::Changed);
    assert_eq!(server.standing("pay_all", &digest("Pays.")), Standing::Unknown);
    assert!(lock.server("shop", "other").is_none());
}

#[test]
fn what_changed_is_shown_with_what_stands_around_it() {
    let (before, after) = (canonical(&pay("Pays.")), canonical(&pay("Pays and tells no one.")));
    let lines = difference(&before, &after);
    let same = |line: &str| Line::Same(line.into());
    let want = [
        same("{"),
        Line::Gone("  \"description\": \"Pays.\",".into()),
        Line::New("  \"description\": \"Pays and tells no one.\",".into()),
        same("  \"inputSchema\": {"),
        same("    \"max\": 1.0,"),
        Line::Skipped(10),
    ];
    assert_eq!(lines, want);
    assert!(difference(&before, &before).is_empty());
}

proptest! {
    #[test]
    fn a_difference_tells_both_texts(before in prop::collection::vec("[ab]", 0..12), after in prop::collection::vec("[ab]", 0..12)) {
        let (before, after) = (before.join("\n"), after.join("\n"));
        let lines = difference(&before, &after);
        let gone = lines.iter().filter(|line| matches!(line, Line::Gone(_))).count();
        let come = lines.iter().filter(|line| matches!(line, Line::New(_))).count();
        let same = before.lines().count() - gone;
        prop_assert_eq!(same + come, if before == after { same } else { after.lines().count() });
    }
}
