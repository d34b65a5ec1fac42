use super::*;

fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

fn number(text: &str) -> Data {
    Data::Number(text.to_owned())
}

fn map(entries: &[(&str, Data)]) -> Data {
    Data::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

#[test]
fn records_in_each_notation() {
    let want = Data::List(vec![map(&[
        ("id", number("1")),
        ("to", text("a@b.example")),
        ("on", Data::Bool(true)),
        ("x", Data::Null),
    ])]);
    for (name, written) in [
        ("JSON", r#"[{"id": 1, "to": "a@b.example", "on": true, "x": null}]"#),
        ("Python", "[{'id': 1, 'to': 'a@b.example', 'on': True, 'x': None}]"),
        ("YAML", "- id: 1\n  to: a@b.example\n  'on': true\n  x: null\n"),
    ] {
        assert_eq!(read_records(written), Some(want.clone()), "{name}");
    }
}

#[test]
fn yaml_as_dumpers_write_it() {
    for (name, written, want) in [
        (
            "a list at its key's indentation",
            "a:\n- x\n- y\nb: z",
            map(&[("a", Data::List(vec![text("x"), text("y")])), ("b", text("z"))]),
        ),
        ("a list below its key", "a:\n  - x\n", map(&[("a", Data::List(vec![text("x")]))])),
        ("empty collections", "a: []\nb: {}", map(&[("a", Data::List(vec![])), ("b", Data::Map(vec![]))])),
        ("a key that is an address", "w:\n  a@b.c: rw\n", map(&[("w", map(&[("a@b.c", text("rw"))]))])),
        ("plain text over lines", "a: one\n  two\nb: c", map(&[("a", text("one two")), ("b", text("c"))])),
        (
            "a quote over lines",
            "a: 'one\n\n  it''s: two\n\n\n  three'\nb: c",
            map(&[("a", text("one\nit's: two\n\nthree")), ("b", text("c"))]),
        ),
        ("escapes", "a: \"x\\n\\\n  \\ y\\u00e9\"", map(&[("a", text("x\n yé"))])),
        ("a block", "a: |\n  k: v\n   - x\nb: c", map(&[("a", text("k: v\n - x")), ("b", text("c"))])),
        ("a date is text", "a: 2024-05-16 10:00:00", map(&[("a", text("2024-05-16 10:00:00"))])),
        (
            "a list of lists",
            "- - a\n  - b\n- - c",
            Data::List(vec![Data::List(vec![text("a"), text("b")]), Data::List(vec![text("c")])]),
        ),
        ("names", "- general\n- random", Data::List(vec![text("general"), text("random")])),
    ] {
        assert_eq!(read_records(written), Some(want), "{name}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_has_no_fields() {
    for (name, written) in [
        ("prose", "Dear tenant, please note"),
        ("prose with a colon", "Dear tenant,\nIBAN: UK12\nThank you"),
        ("a name twice", "a: 1\na: 2"),
        ("a name twice in JSON", r#"{"a": 1, "a": 2}"#),
        ("an alias", "a: &x [b]\nc: *x"),
        ("a comment", "a: b # c"),
        ("a value behind a value", "a: b: c"),
        ("text behind a quote", "a: 'b' c"),
        ("a quote that does not end", "a: 'b"),
        ("a tab", "a:\n\tb: c"),
        ("more behind JSON", r#"{"a": 1} b"#),
        ("a lone word", "ok"),
        ("a lone surrogate", r#"["\ud800"]"#),
        ("quotes of both kinds of notation", r#"{'a': true}"#),
    ] {
        assert_eq!(read_records(written), None, "{name}");
    }
}

#[test]
fn nesting_has_a_bound() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(read_records(&deep), None);
    let deep: String = (0..100).map(|level| format!("{}a:\n", "  ".repeat(level))).collect();
    assert_eq!(read_records(&deep), None);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Writes as PyYAML does: everything that could be taken for something else in quotes.
    fn dump(data: &Data, indent: usize, to: &mut String) {
        let pad = " ".repeat(indent);
        match data {
            Data::Map(entries) if entries.is_empty() => to.push_str("{}\n"),
            Data::List(items) if items.is_empty() => to.push_str("[]\n"),
            Data::Map(entries) => {
                for (at, (name, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        to.push_str(&pad);
                    }
                    to.push_str(name);
                    to.push(':');
                    match value {
                        Data::Map(inner) if !inner.is_empty() => {
                            to.push_str(&format!("\n{pad}  "));
                            dump(value, indent + 2, to);
                        }
                        Data::List(inner) if !inner.is_empty() => {
                            to.push_str(&format!("\n{pad}"));
                            dump(value, indent, to);
                        }
                        _ => {
                            to.push(' ');
                            dump(value, indent, to);
                        }
                    }
                }
            }
            Data::List(items) => {
                for (at, value) in items.iter().enumerate() {
                    if at > 0 {
                        to.push_str(&pad);
                    }
                    to.push_str("- ");
                    dump(value, indent + 2, to);
                }
            }
            Data::Text(text) => {
                let quoted =
                    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
                to.push_str(&format!("\"{}\"\n", quoted.replace('\t', "\\t")));
            }
            Data::Number(text) => to.push_str(&format!("{text}\n")),
            Data::Bool(value) => to.push_str(&format!("{value}\n")),
            Data::Null => to.push_str("null\n"),
        }
    }

    fn data() -> impl Strategy<Value = Data> {
        let leaf = prop_oneof![
            "[ -~\n\u{e9}]{0,30}".prop_map(Data::Text),
            (-1000i32..1000).prop_map(|n| Data::Number(n.to_string())),
            any::<bool>().prop_map(Data::Bool),
            Just(Data::Null),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Data::List),
                prop::collection::btree_map("[a-z_]{1,8}", inner, 0..5)
                    .prop_map(|entries| Data::Map(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_dumped_is_read_back(data in data()) {
            prop_assume!(matches!(&data, Data::Map(m) if !m.is_empty()) || matches!(&data, Data::List(l) if !l.is_empty()));
            let mut written = String::new();
            dump(&data, 0, &mut written);
            prop_assert_eq!(read_records(&written), Some(data), "{}", written);
        }

        #[test]
        fn nothing_makes_it_fall(text in "[-:'\"\\[\\]{}|> a\n#&*?!,]{0,60}") {
            let _read = read_records(&text);
        }
    }
}
