//! Values of records that the person named: the mail address of "Sarah Baker", the guests of "Introductory meeting".

use super::{Answer, Origin, Question};
use crate::contract::{Effect, Label};
use crate::session::{Hit, Named, Observed, Record};
use crate::value::{Canon, Decimal, words_of};

/// A record with the value, and how the person named it.
struct Found<'s> {
    result: &'s Observed,
    record: &'s Record,
    at: usize,
    hit: Hit,
}

impl Question<'_> {
    /// Where the value stands in a record that the person named by something else in it, if there is no other of that name.
    pub(super) fn linked_party(&self) -> Option<String> {
        let found = self.named_records(|_| true);
        let first = found.iter().find(|found| !found.hit.is_partial && self.is_the_only(found))?;
        Some(first.result.source.clone())
    }

    pub(super) fn record(&self) -> Answer {
        let (leaf, canon) = (self.leaf, &self.leaf.canon);
        let raw = leaf.text.trim();
        let is_marked = self.session.turns().iter().any(|heard| heard.says_marked(raw, &self.argument.nouns));
        let is_telling = raw.chars().count() >= 4 && raw.bytes().any(|byte| byte.is_ascii_digit());
        let is_named = is_telling && self.session.turns().iter().any(|heard| heard.says_exactly(raw));
        let is_words = canon.is_text() && self.is_said();
        if is_marked || is_named || is_words {
            return Answer::fine(Origin::User);
        }
        if self.session.claims().iter().any(|claim| claim.canon == *canon) {
            return Answer::fine(Origin::Profile);
        }
        let is_grave = matches!(self.tool.effect, Effect::Delete | Effect::Pay | Effect::Access);
        let found = self.named_records(|result| self.is_of_this_kind(result));
        // With whom something is shared does not say that it is meant to be deleted.
        let is_telling_enough = |found: &Found<'_>| {
            let field = found.record.fields.get(found.hit.field);
            !is_grave || field.is_some_and(|field| matches!(field.label, Label::Id | Label::Name))
        };
        let is_linked =
            |found: &&Found<'_>| !found.hit.is_partial && is_telling_enough(found) && self.is_the_only(found);
        let linked = found.iter().find(is_linked);
        let partial =
            || found.iter().find(|found| !is_grave && found.hit.is_partial && self.is_the_only(found));
        if let Some(found) = linked.or_else(partial) {
            return Answer::fine(Origin::Directory { source: found.result.source.clone(), is_linked: true });
        }
        for (result, _) in self.session.results() {
            for (record, field) in result.with(canon).filter(|(_, field)| field.label == Label::Id) {
                if !self.is_of_this_kind(result) {
                    continue;
                }
                // Of the bot's own making, for this person and in this session.
                if result.is_own && !matches!(self.tool.effect, Effect::Delete) {
                    return Answer::fine(Origin::Directory {
                        source: result.source.clone(),
                        is_linked: true,
                    });
                }
                if let Some(text) = self.is_extreme(result, record, &field.name) {
                    return Answer::fine(Origin::Derived(text));
                }
            }
        }
        let origin = self.origin();
        let text = format!("`{}` is {}: {}", leaf.path, leaf.text, origin.found());
        Answer::ask(origin, text)
    }

    /// Whether the result lists what the argument means: ids of files are none of mails.
    fn is_of_this_kind(&self, result: &Observed) -> bool {
        let nouns = &self.argument.nouns;
        let tokens = words_of(&result.tool.replace('_', " "));
        nouns.is_empty()
            || nouns.iter().any(|noun| {
                tokens.iter().any(|token| {
                    token.text == *noun
                        || token.text.strip_suffix('s') == Some(noun)
                        || token.text.strip_suffix("es") == Some(noun)
                })
            })
    }

    /// Records with the value that the person named by another field of theirs.
    fn named_records(&self, is_meant: impl Fn(&Observed) -> bool) -> Vec<Found<'_>> {
        let mut all = Vec::new();
        for (result, named) in self.session.results() {
            if !is_meant(result) {
                continue;
            }
            for (at, _) in result.with(&self.leaf.canon) {
                let Some(record) = result.records.get(at) else { continue };
                for hit in named.of(at) {
                    let is_other =
                        record.fields.get(hit.field).is_some_and(|field| field.canon != self.leaf.canon);
                    if is_other && !self.is_part_of_a_longer_name(hit) {
                        all.push(Found { result, record, at, hit: *hit });
                    }
                }
            }
        }
        all
    }

    /// Whether the words that name the record are part of the longer name of another: who says "introductory meeting" does not mean "meeting".
    fn is_part_of_a_longer_name(&self, hit: &Hit) -> bool {
        let Some((start, end)) = hit.words else { return false };
        let longer = |named: &Named| {
            named.all().iter().any(|(_, other)| {
                let Some((from, to)) = other.words else { return false };
                other.turn == hit.turn
                    && !other.is_partial
                    && from <= start
                    && end <= to
                    && to - from > end - start
            })
        };
        self.session.results().any(|(_, named)| longer(named))
    }

    /// Whether no other record goes by the name by which the person called this one, or the day they named tells them apart.
    fn is_the_only(&self, found: &Found<'_>) -> bool {
        let Some(name) = found.record.fields.get(found.hit.field) else { return false };
        for (result, named) in self.session.results() {
            for (at, record) in result.records.iter().enumerate() {
                let is_itself = std::ptr::eq(result, found.result) && at == found.at;
                let is_rival = if found.hit.is_partial {
                    named.of(at).any(|hit| {
                        hit.words.is_some() && hit.words == found.hit.words && hit.turn == found.hit.turn
                    })
                } else {
                    named.of(at).next().is_some()
                        && record.fields.iter().any(|field| {
                            field.label == name.label && field.canon == name.canon && field.name == name.name
                        })
                };
                if is_itself || !is_rival || is_same(record, found.record) {
                    continue;
                }
                let has_it = record
                    .fields
                    .iter()
                    .any(|field| field.canon == self.leaf.canon && field.label != Label::Prose);
                let day_tells = self.is_on_a_named_day(found.record) && !self.is_on_a_named_day(record);
                if !has_it && !day_tells {
                    return false;
                }
            }
        }
        true
    }

    fn is_on_a_named_day(&self, record: &Record) -> bool {
        let today = self.session.today();
        record.fields.iter().any(|field| match field.canon {
            Canon::When(when) => when.date.is_some_and(|date| {
                self.session
                    .turns()
                    .iter()
                    .any(|heard| heard.times.days.iter().any(|day| day.is(date, today)))
            }),
            _ => false,
        })
    }

    /// Whether the record is the largest, the latest, the cheapest of its listing, as the person asked.
    fn is_extreme(&self, result: &Observed, at: usize, id: &str) -> Option<String> {
        let record = result.records.get(at)?;
        // There is one largest: when it is gone, the next one is not what was meant.
        if self.session.has_done(&self.contract.server, self.name) {
            return None;
        }
        for extreme in self.session.turns().iter().rev().take(1).flat_map(|heard| heard.extremes.iter()) {
            for field in record.fields.iter().filter(|field| field.label == Label::Fact) {
                if !extreme
                    .fields
                    .iter()
                    .any(|name| words_of(&field.name.replace('_', " ")).iter().any(|word| word.text == *name))
                {
                    continue;
                }
                let Some(own) = measure(&field.canon) else { continue };
                let others = result
                    .records
                    .iter()
                    .enumerate()
                    .filter(|(other, record_)| *other != at && record_.group == record.group);
                let mut beaten = 0;
                let is_most = others.clone().all(|(_, other)| {
                    let value = other
                        .fields
                        .iter()
                        .find(|one| one.name == field.name)
                        .and_then(|one| measure(&one.canon));
                    beaten += 1;
                    value.is_some_and(|value| if extreme.is_most { value < own } else { own < value })
                });
                if is_most && beaten > 0 {
                    return Some(format!(
                        "{} {} of {} in {}: {id}",
                        if extreme.is_most { "the most" } else { "the least" },
                        field.name,
                        beaten + 1,
                        result.source
                    ));
                }
            }
        }
        None
    }
}

fn measure(canon: &Canon) -> Option<Decimal> {
    match canon {
        Canon::Number(number) => Some(*number),
        Canon::When(when) => {
            when.minutes().or_else(|| when.date.map(|date| date.number() * 1440)).map(Decimal::whole)
        }
        _ => None,
    }
}

/// Whether two records are one seen twice.
fn is_same(one: &Record, other: &Record) -> bool {
    let id = |record: &Record| {
        record
            .fields
            .iter()
            .find(|field| field.label == Label::Id)
            .map(|field| (field.name.clone(), field.canon.clone()))
    };
    id(one).is_some() && id(one) == id(other)
}
