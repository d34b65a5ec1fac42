//! What is committed to: amounts, days, times, permissions. Said by the person, or worked out from what they said.

use super::{Answer, Origin, Question};
use crate::contract::{Label, Role};
use crate::lexicon::is_common;
use crate::session::{Field, Heard, Record};
use crate::value::{Canon, Date, Decimal, Span, When, words_of};

impl Question<'_> {
    pub(super) fn term(&self) -> Answer {
        if let Some(flag) = self.leaf.flag {
            return self.switch(flag);
        }
        let found = match &self.leaf.canon {
            Canon::Number(number) => self.amount(*number),
            Canon::When(when) => self.moment(*when),
            _ => None,
        };
        if let Some(origin) = found.or_else(|| self.words()) {
            return Answer::fine(origin);
        }
        let origin = self.origin();
        if matches!(origin, Origin::Profile | Origin::Known) {
            return Answer::fine(origin);
        }
        if self.is_unchanged() {
            return Answer::fine(Origin::Directory {
                source: "the record itself, unchanged".to_owned(),
                is_linked: true,
            });
        }
        let text = format!(
            "`{}` is {}, which the user neither said nor can be worked out from what they said",
            self.leaf.path, self.leaf.text
        );
        Answer::ask(origin, text)
    }

    /// A switch is on only if the person spoke of what it switches.
    fn switch(&self, is_on: bool) -> Answer {
        let name = words_of(&self.leaf.path.replace('_', " "));
        let is_said =
            |heard: &Heard| name.iter().any(|word| heard.says_any(&[format!("{}*", stem(&word.text))]));
        if !is_on || self.session.turns().iter().any(|heard| is_said(heard)) {
            return Answer::fine(Origin::User);
        }
        Answer::ask(Origin::None, format!("`{}` is on, and the user did not ask for that", self.leaf.path))
    }

    /// Words said as such, or what an abbreviation stands for.
    fn words(&self) -> Option<Origin> {
        let Canon::Text(folded) = &self.leaf.canon else { return self.is_said().then_some(Origin::User) };
        let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
        let is_said = |heard: &Heard| !words.is_empty() && heard.find(&words).next().is_some();
        let is_meant = |heard: &Heard| {
            ABBREVIATIONS.iter().any(|(short, long)| {
                *short == folded && long.iter().any(|word| heard.says_any(&[(*word).to_owned()]))
            })
        };
        self.session.turns().iter().any(|heard| is_said(heard) || is_meant(heard)).then_some(Origin::User)
    }

    /// Whether the value is what the record that is changed has already.
    fn is_unchanged(&self) -> bool {
        self.targets().any(|record| {
            record.fields.iter().any(|field| field.canon == self.leaf.canon && field.label == Label::Fact)
        })
    }

    /// The records that the call is about.
    fn targets(&self) -> impl Iterator<Item = &Record> {
        let ids = self.leaves.iter().filter(|leaf| {
            self.tool.argument(&leaf.path).is_some_and(|argument| argument.role == Role::Record)
        });
        ids.flat_map(move |leaf| {
            self.session.results().flat_map(move |(result, _)| {
                result
                    .with(&leaf.canon)
                    .filter(|(_, field)| field.label == Label::Id)
                    .filter_map(|(at, _)| result.records.get(at))
            })
        })
    }

    fn amount(&self, number: Decimal) -> Option<Origin> {
        let turns = self.session.turns();
        if turns.iter().any(|heard| heard.says_number(number)) {
            return Some(Origin::User);
        }
        // "two nights", "a week": counts that are said as words.
        let is_count = |span: &Span| match span {
            Span::Minutes(minutes) => {
                Decimal::whole(*minutes) == number
                    || Decimal::whole(minutes / 60) == number && minutes % 60 == 0
            }
            Span::Days(days) => Decimal::whole(*days) == number,
        };
        if turns.iter().any(|heard| heard.times.spans.iter().any(is_count)) {
            return Some(Origin::User);
        }
        let mut said: Vec<Decimal> = turns.iter().flat_map(|heard| heard.numbers()).collect();
        said.truncate(SAID_MAX);
        for (result, named) in self.session.results() {
            for (at, record) in result.records.iter().enumerate() {
                let fits = |fact: &Field| match fact.canon {
                    Canon::Number(value) if fact.label == Label::Fact => formula(number, &said, value),
                    _ => None,
                };
                let Some((fact, formula)) =
                    record.fields.iter().find_map(|fact| fits(fact).map(|formula| (fact, formula)))
                else {
                    continue;
                };
                if named.of(at).next().is_some() || self.is_spoken_of(record) {
                    return Some(Origin::Derived(format!("{formula} {} in {}", fact.name, result.source)));
                }
            }
        }
        None
    }

    /// Whether a word that says something stands in the record and in what the person said.
    fn is_spoken_of(&self, record: &Record) -> bool {
        let telling = |word: &&str| word.chars().count() >= 4 && !is_common(word);
        let is_said = |word: &str| self.session.turns().iter().any(|heard| heard.says_word(word));
        record.fields.iter().any(|field| match &field.canon {
            Canon::Text(text) => text.split(' ').filter(telling).any(is_said),
            _ => false,
        })
    }

    fn moment(&self, when: When) -> Option<Origin> {
        let today = self.session.today();
        let turns = self.session.turns();
        let says_day =
            |date: Date| turns.iter().any(|heard| heard.times.days.iter().any(|day| day.is(date, today)));
        let says_minute = |minute: u16| turns.iter().any(|heard| heard.times.minutes.contains(&minute));
        // Midnight is what programs write where a day alone is meant.
        let is_fine = |minute: Option<u16>| minute.is_none_or(|minute| minute == 0 || says_minute(minute));
        if when.date.is_none_or(says_day) && is_fine(when.minute) {
            return Some(Origin::User);
        }
        self.after_a_span(when)
    }

    /// Another moment of this call, or of the record it changes, and a duration that was said or is the record's own.
    fn after_a_span(&self, when: When) -> Option<Origin> {
        let spans: Vec<Span> =
            self.session.turns().iter().flat_map(|heard| heard.times.spans.iter().copied()).collect();
        let others = self.leaves.iter().filter(|leaf| leaf.path != self.leaf.path).filter_map(|leaf| {
            match leaf.canon {
                Canon::When(other) => Some((leaf.path.as_str(), other)),
                _ => None,
            }
        });
        for (path, other) in others {
            let apart = apart(other, when)?;
            if apart <= 0 {
                continue;
            }
            let is_said = spans.iter().any(|span| match span {
                Span::Minutes(minutes) => *minutes == apart,
                Span::Days(days) => days * 1440 == apart,
            });
            if is_said || self.targets().any(|record| lasts(record, apart)) {
                return Some(Origin::Derived(format!("{path} and the duration")));
            }
        }
        None
    }
}

/// Minutes from one moment to another, where both have a day, or neither.
fn apart(from: When, to: When) -> Option<i64> {
    match (from.date, to.date) {
        (Some(one), Some(other)) => Some(
            (other.number() - one.number()) * 1440 + i64::from(to.minute.unwrap_or(0))
                - i64::from(from.minute.unwrap_or(0)),
        ),
        (None, None) => Some(i64::from(to.minute?) - i64::from(from.minute?)),
        _ => Some(0),
    }
}

/// Whether two moments of the record are so far apart.
fn lasts(record: &Record, minutes: i64) -> bool {
    let moments: Vec<i64> = record
        .fields
        .iter()
        .filter_map(|field| match field.canon {
            Canon::When(when) => when.minutes(),
            _ => None,
        })
        .collect();
    moments.iter().any(|from| moments.iter().any(|to| to - from == minutes))
}

/// How `want` comes of a fact of a record: as it stands, in one step with a number the person said, or as a share of it in percent and a
/// fee, both of which they said.
fn formula(want: Decimal, said: &[Decimal], fact: Decimal) -> Option<&'static str> {
    if fact == want {
        return Some("the same as");
    }
    let is_want = |value: Option<Decimal>| value.is_some_and(|value| value.is_about(want));
    for &number in said {
        let share = fact.percent(number);
        let steps = [
            (share, "a share in percent of"),
            (share.and_then(|share| fact.plus(share)), "a rise in percent of"),
            (share.and_then(|share| fact.minus(share)), "a cut in percent of"),
            (fact.plus(number), "a number added to"),
            (fact.minus(number), "a number taken from"),
            (number.minus(fact), "what a number exceeds"),
            (fact.times(number), "a multiple of"),
        ];
        if let Some((_, formula)) = steps.into_iter().find(|(value, _)| is_want(*value)) {
            return Some(formula);
        }
        let with_fee = |&fee: &Decimal| fee != number && is_want(share.and_then(|share| share.plus(fee)));
        if said.iter().any(with_fee) {
            return Some("a share in percent, and a fee, of");
        }
    }
    None
}

/// Numbers of a conversation that are tried.
const SAID_MAX: usize = 64;

fn stem(word: &str) -> &str {
    let bare = word.strip_suffix("ing").or_else(|| word.strip_suffix("ed")).unwrap_or(word);
    if bare.len() >= 4 { bare } else { word }
}

const ABBREVIATIONS: &[(&str, &[&str])] = &[
    ("r", &["read*", "view*", "see", "les*", "lire", "leer"]),
    ("read", &["view*", "see"]),
    ("reader", &["read*", "view*"]),
    ("viewer", &["read*", "view*"]),
    ("view", &["read*", "see"]),
    ("w", &["writ*", "edit*"]),
    ("rw", &["writ*", "edit*", "modif*", "bearbeit*", "schreib*"]),
    ("write", &["edit*", "modif*"]),
    ("writer", &["writ*", "edit*"]),
    ("editor", &["edit*", "writ*"]),
];
