use proptest::prelude::*;

use super::*;

#[test]
fn kinds() {
    let text = |text: &str| Claim::Text(text.to_owned());
    let decimal = |text: &str| Claim::Decimal(text.to_owned());
    for (json, want) in [
        (r#""C-7""#, text("C-7")),
        (r#""""#, text("")),
        (r#""\u00e9\n""#, text("é\n")),
        ("0", Claim::Integer(0)),
        ("-9223372036854775808", Claim::Integer(i64::MIN)),
        ("9223372036854775808", decimal("9223372036854775808")),
        ("1.10", decimal("1.10")),
        ("1e3", decimal("1e3")),
        ("-0", decimal("-0")),
        ("0.1000000000000000055511151231257827", decimal("0.1000000000000000055511151231257827")),
        ("true", Claim::Flag(true)),
        ("false", Claim::Flag(false)),
        ("[]", Claim::Texts(vec![])),
        (r#"[ "a" , "b" ]"#, Claim::Texts(vec!["a".into(), "b".into()])),
    ] {
        let claims = Claims::parse(&format!(r#"{{ "x" : {json} }}"#)).unwrap();
        assert_eq!(claims.named("x"), Some(&want), "{json}");
        assert_eq!(Claims::parse(&claims.to_json()).unwrap(), claims, "{json} again");
    }
}

#[test]
fn refusals() {
    let long = "x".repeat(CLAIM_TEXT_BYTES_MAX + 1);
    let many: String = (0..=CLAIMS_MAX).map(|i| format!(r#""c{i}":1,"#)).collect();
    let kind = |path: &str, found| ClaimsError::Kind { path: path.into(), found };
    for (name, json, want) in [
        ("nothing", String::new(), ClaimsError::NotAnObject),
        ("a list", "[]".into(), ClaimsError::NotAnObject),
        ("null", "null".into(), ClaimsError::NotAnObject),
        ("text behind", "{} {}".into(), ClaimsError::NotAnObject),
        ("a trailing comma", r#"{"a":1,}"#.into(), ClaimsError::NotAnObject),
        ("a number with a leading zero", r#"{"a":01}"#.into(), ClaimsError::NotAnObject),
        ("not a number", r#"{"a":NaN}"#.into(), ClaimsError::NotAnObject),
        ("an object inside", r#"{"address":{"city":"Oslo"}}"#.into(), kind("claims.address", "an object")),
        ("a null inside", r#"{"a":null}"#.into(), kind("claims.a", "null")),
        ("an object in a list", r#"{"a":["x",{}]}"#.into(), kind("claims.a[1]", "an object")),
        ("a number in a list", r#"{"a":[1]}"#.into(), kind("claims.a[0]", "a number in a list")),
        ("a flag in a list", r#"{"a":[true]}"#.into(), kind("claims.a[0]", "true or false in a list")),
        ("a list in a list", r#"{"a":[["x"]]}"#.into(), kind("claims.a[0]", "a list in a list")),
        ("a lone surrogate", r#"{"a":"\ud800"}"#.into(), kind("claims.a", "a text that is not Unicode")),
        ("twice", r#"{"a":1,"a":2}"#.into(), ClaimsError::Twice { path: "claims.a".into() }),
        (
            "twice, once escaped",
            r#"{"a":1,"\u0061":2}"#.into(),
            ClaimsError::Twice { path: "claims.a".into() },
        ),
        ("an empty name", r#"{"":1}"#.into(), ClaimsError::Name),
        ("a control character in a name", r#"{"a\n":1}"#.into(), ClaimsError::Name),
        (
            "a long name",
            format!(r#"{{"{}":1}}"#, "n".repeat(CLAIM_NAME_BYTES_MAX + 1)),
            too_much("claims", CLAIM_NAME_BYTES_MAX, "bytes in a name"),
        ),
        ("a long text", format!(r#"{{"a":"{long}"}}"#), too_much("claims.a", CLAIM_TEXT_BYTES_MAX, "bytes")),
        (
            "a long text in a list",
            format!(r#"{{"a":["{long}"]}}"#),
            too_much("claims.a[0]", CLAIM_TEXT_BYTES_MAX, "bytes"),
        ),
        (
            "a long number",
            format!(r#"{{"a":{}}}"#, "1".repeat(CLAIM_NUMBER_CHARS_MAX + 1)),
            too_much("claims.a", CLAIM_NUMBER_CHARS_MAX, "characters"),
        ),
        (
            "a long list",
            format!(r#"{{"a":[{}""]}}"#, r#""","#.repeat(CLAIM_TEXTS_MAX)),
            too_much("claims.a", CLAIM_TEXTS_MAX, "texts"),
        ),
        ("too many", format!(r#"{{{many}"z":1}}"#), too_much("claims", CLAIMS_MAX, "claims")),
        (
            "too long together",
            format!("{{{}}}", " ".repeat(CLAIMS_BYTES_MAX)),
            too_much("claims", CLAIMS_BYTES_MAX, "bytes of JSON"),
        ),
    ] {
        assert_eq!(Claims::parse(&json), Err(want), "{name}");
    }
}

#[test]
fn values_do_not_print() {
    let claims = Claims::parse(r#"{"customer_id":"C-7","age":41}"#).unwrap();
    assert_eq!(format!("{claims:?}"), r#"{"age": Integer(…), "customer_id": Text(…)}"#);
    let nested = Claims::parse(r#"{"a":{"secret":"C-7"}}"#).unwrap_err();
    assert!(!nested.to_string().contains("C-7"));
}

fn claim() -> impl Strategy<Value = Claim> {
    prop_oneof![
        ".{0,40}".prop_map(Claim::Text),
        any::<i64>().prop_map(Claim::Integer),
        "-?[1-9][0-9]{0,5}\\.[0-9]{1,20}([eE][+-]?[0-9]{1,3})?".prop_map(Claim::Decimal),
        any::<bool>().prop_map(Claim::Flag),
        prop::collection::vec(".{0,10}", 0..8).prop_map(Claim::Texts),
    ]
}

proptest! {
    #[test]
    fn parse_undoes_print(map in prop::collection::btree_map("[a-z_\u{e9}\"]{1,12}", claim(), 0..12)) {
        let claims = Claims(map);
        prop_assert_eq!(Claims::parse(&claims.to_json()), Ok(claims));
    }

    #[test]
    fn no_text_panics(json in "[\\[\\]{}\",:0-9a-z\\\\ .-]{0,60}") {
        let _ = Claims::parse(&json);
    }
}
