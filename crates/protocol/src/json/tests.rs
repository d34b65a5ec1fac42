use super::JsonErrorKind as K;
use super::*;
use crate::Bounds;

fn parse(text: &[u8]) -> Result<(), (JsonErrorKind, usize)> {
    let bounds = Bounds { depth_max: 4, nodes_max: 30, string_bytes_max: 40 };
    Document::parse(text, &bounds).map(drop).map_err(|error| (error.kind, error.at))
}

type Refused<'t> = (&'t str, &'t [u8], (JsonErrorKind, usize));

fn check_refused(table: &[Refused<'_>]) {
    for &(name, text, want) in table {
        assert_eq!(parse(text), Err(want), "{name}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    check_refused(&[
        ("nothing", &b""[..], (K::UnexpectedEnd, 0)),
        ("white space", b" \n", (K::UnexpectedEnd, 2)),
        ("a byte order mark", b"\xEF\xBB\xBF{}", (K::ByteOrderMark, 0)),
        ("Latin-1", b"[\"\xE9\"]", (K::InvalidUtf8, 2)),
        ("an overlong slash", b"[\"\xC0\xAF\"]", (K::InvalidUtf8, 2)),
        ("a surrogate in UTF-8", b"[\"\xED\xA0\x80\"]", (K::InvalidUtf8, 2)),
        ("beyond Unicode", b"[\"\xF4\x90\x80\x80\"]", (K::InvalidUtf8, 2)),
        ("UTF-16", b"{\x00}\x00", (K::UnexpectedByte, 1)),
        ("two documents", b"{} {}", (K::TrailingBytes, 3)),
        ("a stray bracket", b"[1]]", (K::TrailingBytes, 3)),
        ("a null byte after", b"1\0", (K::TrailingBytes, 1)),
        ("cut in an array", b"[1,", (K::UnexpectedEnd, 3)),
        ("cut in a string", b"[\"ab", (K::UnexpectedEnd, 4)),
        ("cut in an escape", b"[\"ab\\", (K::UnexpectedEnd, 5)),
        ("cut after a name", b"{\"a\"", (K::UnexpectedEnd, 4)),
        ("cut after a colon", b"{\"a\":", (K::UnexpectedEnd, 5)),
        ("a trailing comma", b"[1,]", (K::UnexpectedByte, 3)),
        ("a trailing comma in an object", b"{\"a\":1,}", (K::UnexpectedByte, 7)),
        ("two commas", b"[1,,2]", (K::UnexpectedByte, 3)),
        ("no comma", b"[1 2]", (K::UnexpectedByte, 3)),
        ("no colon", b"{\"a\" 1}", (K::UnexpectedByte, 5)),
        ("the wrong bracket", b"[1}", (K::UnexpectedByte, 2)),
        ("a name without quotes", b"{a:1}", (K::UnexpectedByte, 1)),
        ("single quotes", b"{'a':1}", (K::UnexpectedByte, 1)),
        ("a comment", b"{/**/}", (K::UnexpectedByte, 1)),
        ("a form feed", b"\x0C1", (K::UnexpectedByte, 0)),
        ("a no-break space", "\u{A0}1".as_bytes(), (K::UnexpectedByte, 0)),
        ("NaN", b"NaN", (K::UnexpectedByte, 0)),
        ("Infinity", b"-Infinity", (K::Number, 1)),
        ("True", b"True", (K::UnexpectedByte, 0)),
        ("half a literal", b"[tru]", (K::UnexpectedByte, 1)),
        ("a leading zero", b"[01]", (K::Number, 2)),
        ("a leading plus", b"[+1]", (K::UnexpectedByte, 1)),
        ("a bare point", b"[.5]", (K::UnexpectedByte, 1)),
        ("a point at the end", b"[1.]", (K::Number, 3)),
        ("an empty exponent", b"[1e]", (K::Number, 3)),
        ("an empty signed exponent", b"[1e+]", (K::Number, 4)),
        ("a lone minus", b"[-]", (K::Number, 2)),
        ("hexadecimal", b"[0x1]", (K::UnexpectedByte, 2)),
    ]);
}

#[test]
fn strings_with_no_one_meaning_are_refused() {
    check_refused(&[
        ("a raw line break in a string", b"[\"a\nb\"]", (K::ControlCharacter, 3)),
        ("a raw tab in a name", b"{\"\t\":1}", (K::ControlCharacter, 2)),
        ("an unknown escape", br#"["\x41"]"#, (K::Escape, 2)),
        ("a short escape", br#"["\u00e"]"#, (K::Escape, 2)),
        ("a signed escape", br#"["\u+041"]"#, (K::Escape, 2)),
        ("a high surrogate alone", br#"["\ud800"]"#, (K::LoneSurrogate, 2)),
        ("a high surrogate and a letter", br#"["\ud800\u0041"]"#, (K::LoneSurrogate, 2)),
        ("two high surrogates", br#"["\ud800\ud800"]"#, (K::LoneSurrogate, 2)),
        ("a low surrogate alone", br#"["\udc00"]"#, (K::LoneSurrogate, 2)),
        ("a pair in disorder", br#"["\udc00\ud800"]"#, (K::LoneSurrogate, 2)),
    ]);
}

#[test]
fn names_that_come_twice_are_refused() {
    let many: Vec<String> = (0..20).map(|at| format!("\"{at}\":0")).collect();
    let many_twice = format!("{{{},\"7\":1}}", many.join(","));
    check_refused(&[
        ("a name twice", br#"{"a":1,"a":2}"#, (K::DuplicateName, 12)),
        ("a name twice, once escaped", br#"{"role":1,"rol\u0065":2}"#, (K::DuplicateName, 23)),
        ("a name twice, both escaped", br#"{"\u0061":1,"\u0061":1}"#, (K::DuplicateName, 22)),
        ("an empty name twice", br#"{"":1,"":1}"#, (K::DuplicateName, 10)),
        (
            "a name twice with objects between",
            br#"{"a":{"b":[1]},"c":{"a":1},"a":2}"#,
            (K::DuplicateName, 32),
        ),
        ("a long name twice", br#"{"a long name":1,"b":2,"a long name":3}"#, (K::DuplicateName, 38)),
        ("a name of seven bytes twice", br#"{"1234567":1,"1234567":2}"#, (K::DuplicateName, 24)),
        ("a name of eight bytes twice", br#"{"12345678":1,"12345678":2}"#, (K::DuplicateName, 26)),
        ("a name of nine bytes twice", br#"{"123456789":1,"123456789":2}"#, (K::DuplicateName, 28)),
        ("a name twice among many", many_twice.as_bytes(), (K::DuplicateName, many_twice.len() - 1)),
    ]);
}

#[test]
fn what_exceeds_the_bounds_is_refused() {
    check_refused(&[
        ("too deep", b"[[[[[1]]]]]", (K::Depth { max: 4 }, 4)),
        ("too deep and not closed", b"[[[[[[[[[[[[[[[[[", (K::Depth { max: 4 }, 4)),
        (
            "too many values",
            &[b"[1".to_vec(), b",1".repeat(40), b"]".to_vec()].concat(),
            (K::Nodes { max: 30 }, 59),
        ),
        (
            "too long a string",
            format!("[\"{}\"]", "a".repeat(41)).as_bytes(),
            (K::StringBytes { max: 40 }, 1),
        ),
        (
            "too long a name",
            format!("{{\"{}\":1}}", "a".repeat(41)).as_bytes(),
            (K::StringBytes { max: 40 }, 1),
        ),
    ]);
}

#[test]
fn documents_that_are_read() {
    for (name, text) in [
        ("a number", &b"7"[..]),
        ("space all around", b" \t\r\n { \"a\" : [ 1 , 2 ] } \n"),
        ("empty containers", b"[{},[],\"\"]"),
        ("as deep as may be", b"[[[[]]]]"),
        ("numbers that no float holds", b"[1e999,-1E-999,123456789012345678901234567890,-0,-0.0e0]"),
        ("names that differ in case", br#"{"a":1,"A":2}"#),
        ("names that differ in normal form", "{\"\u{e9}\":1,\"e\u{301}\":2}".as_bytes()),
        ("names that begin alike", br#"{"prompt_tokens":1,"prompt_tokens_details":2,"prompt_t":3}"#),
        ("names that begin and end alike", br#"{"beginning 1 the end":1,"beginning 2 the end":2}"#),
        ("a name and its beginning", br#"{"":1,"a":1,"aa":1,"aaaaaaa":1,"aaaaaaaa":1,"aaaaaaaaa":1}"#),
        ("the same name in different objects", br#"[{"a":1},{"a":{"a":1}}]"#),
        ("a null character, escaped", br#"["\u0000"]"#),
        ("delete and noncharacters", "[\"\u{7F}\u{FFFF}\u{FDD0}\"]".as_bytes()),
    ] {
        assert_eq!(parse(text), Ok(()), "{name}");
    }
}

#[test]
fn values_are_found_with_their_spans() {
    let text = br#" {"a":[10,"x\n\ud83d\ude00",true,null],"b":{"c":-1.5e3}} "#;
    let document = Document::parse(text, &Bounds::default()).unwrap();
    let root = document.root();
    assert_eq!((root.kind(), root.span().start, root.span().end), (Kind::Object, 1, text.len() - 1));
    let list: Vec<Value<'_>> = root.get("a").unwrap().items().collect();
    assert_eq!(list.len(), 4);
    assert_eq!(list[0].as_u64(), Some(10));
    assert_eq!(list[1].as_str().unwrap(), "x\n😀");
    assert_eq!(list[1].raw(), r#""x\n\ud83d\ude00""#);
    assert_eq!(list[2].as_bool(), Some(true));
    assert_eq!(list[3].kind(), Kind::Null);
    let inner = root.get("b").unwrap();
    assert_eq!(inner.raw(), r#"{"c":-1.5e3}"#);
    assert_eq!(inner.get("c").unwrap().raw(), "-1.5e3");
    assert!(inner.get("a").is_none() && list[0].get("a").is_none());
    let names: Vec<String> = root.entries().map(|(name, _)| name.as_str().into_owned()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn whole_numbers() {
    for (text, want) in [
        ("0", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("-0", None),
        ("-1", None),
        ("1.0", None),
        ("1e0", None),
        ("\"1\"", None),
        ("true", None),
    ] {
        let document = Document::parse(text.as_bytes(), &Bounds::default()).unwrap();
        assert_eq!(document.root().as_u64(), want, "{text}");
    }
}

#[test]
fn memory_is_used_again() {
    let first = Document::parse(br#"{"a":[1,2,3]}"#, &Bounds::default()).unwrap();
    let second = Document::parse_into(b"[7]", &Bounds::default(), first.into_spare()).unwrap();
    assert_eq!(second.root().items().count(), 1);
    assert_eq!(second.root().items().next().unwrap().as_u64(), Some(7));
}
