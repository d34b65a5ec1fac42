use super::*;

#[test]
fn one_thing_in_two_spellings_is_one() {
    for (name, one, other) in [
        ("mail", "Sarah Baker <Sarah.Baker@Example.com>", "sarah.baker@example.com"),
        ("account", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("web", "https://Example.com/", "http://example.com"),
        ("web without a scheme", "www.example.com/a", "http://www.example.com/a"),
        ("telephone", "+49 (170) 123-4567", "+491701234567"),
        ("number", "1,200.50", "1200.5"),
        ("money", "€ 1.200,50", "1200.50 EUR"),
        ("exponent", "1.2e3", "1200"),
        ("percent", "10%", "10"),
        ("time", "2024-05-16T10:00:00Z", "2024-05-16 10:00"),
        ("words", "Introductory  Meeting!", "introductory meeting"),
        ("file", "grocery-list.docx", "Grocery list docx"),
    ] {
        assert_eq!(Canon::of(one), Canon::of(other), "{name}");
    }
}

#[test]
fn two_things_are_never_one() {
    for (name, one, other) in [
        ("tag of a mail address", "a+b@example.com", "a@example.com"),
        ("another host", "a@example.com.evil.example", "a@example.com"),
        ("path", "http://example.com/a", "http://example.com/A"),
        ("query", "http://example.com/?q=1", "http://example.com/"),
        ("user before the host", "http://example.com@evil.example/", "http://example.com/"),
        ("letters of another script", "раypal@example.com", "paypal@example.com"),
        ("hidden characters", "a\u{200b}b", "ab"),
        ("number", "100", "10"),
        ("day", "2024-05-16", "2024-05-17"),
        ("account", "DE89370400440532013000", "DE89370400440532013001"),
        ("words joined", "foo bar", "foobar"),
    ] {
        assert_ne!(Canon::of(one), Canon::of(other), "{name}");
    }
    assert!(Canon::of("1.200").is_text() || Canon::of("1.200") == Canon::of("1.2"), "as programs write it");
}

#[test]
fn times_people_name() {
    let date = |y, m, d| DayNamed::Date(Date::new(y, m, d).unwrap());
    let day = |month, day| DayNamed::OfYear { month, day };
    for (text, days, minutes, spans) in [
        ("on 2024-05-16 at 10:00", vec![date(2024, 5, 16)], vec![600], vec![]),
        ("May 15th, 2024", vec![date(2024, 5, 15)], vec![], vec![]),
        ("on May 26th at 8 AM", vec![day(5, 26)], vec![480], vec![]),
        ("am 3. Oktober um 16 Uhr", vec![day(10, 3)], vec![960], vec![]),
        ("le 3 octobre à 16h30", vec![day(10, 3)], vec![990], vec![]),
        ("16.05.2024", vec![date(2024, 5, 16)], vec![], vec![]),
        ("05/06/2024", vec![date(2024, 6, 5), date(2024, 5, 6)], vec![], vec![]),
        ("at 12:00 for one hour", vec![], vec![720], vec![Span::Minutes(60)]),
        ("a new 1-hour long event", vec![], vec![], vec![Span::Minutes(60)]),
        ("for half an hour at noon", vec![], vec![720], vec![Span::Minutes(30)]),
        ("90 minutes, 1.5 hours", vec![], vec![], vec![Span::Minutes(90), Span::Minutes(90)]),
        ("three nights", vec![], vec![], vec![Span::Days(3)]),
        ("tomorrow at 5:30pm", vec![DayNamed::FromToday(1)], vec![1050], vec![]),
        ("next Friday, or in 2 weeks", vec![DayNamed::Weekday(4), DayNamed::FromToday(14)], vec![], vec![]),
        ("at 12:30 am", vec![], vec![30], vec![]),
        ("25:00, 2024-13-01", vec![], vec![], vec![]),
    ] {
        let want = Times { days, minutes, spans };
        assert_eq!(times_in(text, &words_of(text)), want, "{text}");
    }
}

#[test]
fn numbers_people_name() {
    let read = |text: &str| -> Vec<Decimal> {
        numbers_in(text, &words_of(text)).into_iter().map(|(_, number)| number).collect()
    };
    let number = |text: &str| Decimal::read(text).unwrap();
    assert_eq!(read("pay 98.70 and 2200."), [number("98.7"), number("2200")]);
    assert_eq!(read("10% of $1,000"), [number("10"), number("1000"), number("1")]);
    assert_eq!(read("1.200"), [number("1.2"), number("1200")]);
    assert_eq!(read("5k"), [number("5000")]);
    assert_eq!(read("file13x7"), []);
}

#[test]
fn addresses_in_text() {
    let read =
        |text: &str| -> Vec<Canon> { addresses_in(text).into_iter().map(|found| found.canon).collect() };
    for (text, want) in [
        ("mail 'sarah@example.com', please.", vec!["sarah@example.com"]),
        (
            "a@b.example,c@d.example; see (https://x.example/a?b=c).",
            vec!["a@b.example", "c@d.example", "https://x.example/a?b=c"],
        ),
        (
            "account GB29NWBK60161331926819), or DE89 3704 0044 0532 0130 00 today",
            vec!["GB29NWBK60161331926819", "DE89370400440532013000"],
        ),
        ("call +1 (555) 010-9999 now", vec!["+15550109999"]),
        ("read secure-site.com/x, not bill-december-2023.txt", vec!["http://secure-site.com/x"]),
        ("nothing here, at 10:00.", vec![]),
    ] {
        assert_eq!(read(text), want.into_iter().map(Canon::of).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn days_are_counted() {
    for number in (-800_000..800_000).step_by(97) {
        if let Some(date) = Date::from_number(number) {
            assert_eq!(date.number(), number);
        }
    }
    assert_eq!(Date::new(2024, 2, 29).unwrap().plus(1), Date::new(2024, 3, 1));
    assert_eq!(Date::new(2024, 5, 15).unwrap().weekday(), 2);
    assert_eq!(Date::new(2023, 2, 29), None);
}
