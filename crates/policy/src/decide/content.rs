//! Words that go to other people: no link, code or account gets in that a third party slipped in.

use super::{Answer, Origin, Question};
use crate::contract::Effect;
use crate::contract::Role;
use crate::value::{Canon, addresses_in, words_of};

/// Words running that make a text a copy.
const RUN_WORDS: usize = 4;
/// Words of one text that are looked at for copies.
const WORDS_MAX: usize = 400;

impl Question<'_> {
    pub(super) fn content(&self) -> Answer {
        let has_party = self.tool.arguments.values().any(|argument| argument.role == Role::Party);
        let reaches = has_party
            || matches!(self.tool.effect, Effect::Send | Effect::Pay | Effect::Book | Effect::Access);
        if reaches && let Some((what, source)) = self.slipped_in() {
            let text =
                format!("`{}` has {what} in it from {source}, which the user never named", self.leaf.path);
            return Answer::ask(Origin::ThirdParty(source), text);
        }
        if self.argument.is_visible
            && let Some((words, source)) = self.copied()
        {
            let text = format!("`{}` repeats words from {source}: \u{201c}{words}\u{201d}", self.leaf.path);
            return Answer::ask(Origin::ThirdParty(source), text);
        }
        Answer::fine(self.origin_of_words())
    }

    /// What is looked for in the open leaves the house.
    pub(super) fn goes_out(&self) -> Answer {
        match self.slipped_in() {
            Some((what, source)) => {
                let text = format!("`{}` carries {what} from {source} out of the house", self.leaf.path);
                Answer::ask(Origin::ThirdParty(source), text)
            }
            None => Answer::fine(self.origin_of_words()),
        }
    }

    fn origin_of_words(&self) -> Origin {
        if self.is_said() { Origin::User } else { Origin::None }
    }

    /// A link, an address, an account or a code that stands in what a tool returned and that the person did not say.
    fn slipped_in(&self) -> Option<(&'static str, String)> {
        for found in addresses_in(&self.leaf.text) {
            let is_said = self.session.turns().iter().any(|heard| heard.names_address(&found.canon));
            let is_own = self.session.claims().iter().any(|claim| claim.canon == found.canon);
            if is_said || is_own {
                continue;
            }
            let raw = self.leaf.text.get(found.start..found.end).unwrap_or_default();
            let source = self.source_of(|result| result.has_exactly(raw));
            match found.canon {
                // Nobody asked for a link that nobody knows.
                Canon::Url(_) => return Some(("a link", source.unwrap_or_else(|| "nowhere".to_owned()))),
                Canon::Account(_) | Canon::Phone(_) if source.is_some() => {
                    return source.map(|source| ("an account", source));
                }
                _ => {}
            }
        }
        for word in words_of(&self.leaf.text).iter().take(WORDS_MAX).filter(|word| is_code(&word.text)) {
            let is_said = self.session.turns().iter().any(|heard| heard.says_word(&word.text));
            let raw = self.leaf.text.get(word.start..word.end).unwrap_or_default();
            if !is_said && let Some(source) = self.source_of(|result| result.has_exactly(raw)) {
                return Some(("a code", source));
            }
        }
        None
    }

    fn source_of(&self, has: impl Fn(&crate::session::Observed) -> bool) -> Option<String> {
        self.session
            .results()
            .map(|(result, _)| result)
            .find(|result| has(result))
            .map(|result| result.source.clone())
    }

    /// A run of words that stands in what a tool returned, and not in what the person said.
    fn copied(&self) -> Option<(String, String)> {
        let words = words_of(&self.leaf.text);
        for run in words.windows(RUN_WORDS).take(WORDS_MAX) {
            let texts: Vec<&str> = run.iter().map(|word| word.text.as_str()).collect();
            if self.session.turns().iter().any(|heard| heard.find(&texts).next().is_some()) {
                continue;
            }
            let joined = texts.join(" ");
            if let Some(source) = self.source_of(|result| result.has_words(&joined)) {
                return Some((joined, source));
            }
        }
        None
    }
}

/// Whether a word is a code: a long number, or letters and digits mixed.
fn is_code(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.chars().filter(|char| char.is_alphabetic()).count();
    (digits >= 5 && letters == 0) || (digits >= 2 && letters >= 2 && word.len() >= 8)
}
