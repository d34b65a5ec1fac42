//! Values as what they are, so that two ways to write one thing compare as one and two things never do.

mod address;
mod number;
mod when;
mod words;

pub use address::{AddressIn, addresses_in, links_in};
pub use number::{Decimal, numbers_in};
pub use when::{Date, DayNamed, Span, Times, When, times_in};
pub use words::{Word, fold, has_hidden, words_of};

/// What a text is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Canon {
    /// An e-mail address: lower case, without the name shown before it.
    Email(String),
    /// An address on the web: scheme and host in lower case, the rest as it stands; without a scheme it is `http(s)`.
    Url(String),
    /// An IBAN or a number like it: capital letters and digits.
    Account(String),
    /// A telephone number: `+` and digits.
    Phone(String),
    /// A number.
    Number(Decimal),
    /// A date, a time of day, or both.
    When(When),
    /// Anything else: its words in lower case with one space between.
    Text(String),
}

impl Canon {
    /// What `text` is. Characters that cannot be seen make it a text that nothing else equals.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        if has_hidden(text) {
            return Self::Text(text.to_owned());
        }
        address::read(text)
            .or_else(|| When::read(text).map(Self::When))
            .or_else(|| Decimal::read(text).map(Self::Number))
            .unwrap_or_else(|| Self::Text(fold(text)))
    }

    /// Whether it is words, not something with a form of its own.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

#[cfg(test)]
mod tests;
