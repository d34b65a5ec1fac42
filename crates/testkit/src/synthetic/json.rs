//! JSON in many legal spellings.

use super::random::Random;

/// A value before it is spelled.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// Spelled already: numbers, literals.
    Raw(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn null() -> Self {
        Self::Raw("null".to_owned())
    }

    pub(super) fn number(text: impl ToString) -> Self {
        Self::Raw(text.to_string())
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Json {
    fn from(flag: bool) -> Self {
        Self::Raw(flag.to_string())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::number(number)
    }
}

impl From<usize> for Json {
    fn from(number: usize) -> Self {
        Self::number(number)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::Array(items)
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

/// An object being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(Vec<(String, Json)>);

impl Object {
    /// An object with a `type`, as most of them have.
    pub(super) fn of(kind: &str) -> Self {
        Self::default().with("type", kind)
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// Adds the field in `percent` of a hundred cases.
    pub(super) fn maybe<J: Into<Json>>(
        self,
        random: &Random,
        percent: usize,
        name: &str,
        value: impl FnOnce(&Random) -> J,
    ) -> Self {
        if random.chance(percent) {
            let value = value(random);
            return self.with(name, value);
        }
        self
    }
}

/// How a document is spelled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    spacing: Spacing,
    escapes: Escapes,
    shuffled: bool,
}

#[derive(Clone, Copy, Debug)]
enum Spacing {
    /// No space: JavaScript, Rust.
    None,
    /// A space after commas and colons: Python.
    Python,
    /// Two spaces a level.
    Indented,
    /// Any white space anywhere.
    Wild,
}

#[derive(Clone, Copy, Debug)]
enum Escapes {
    /// Only what must be.
    Few,
    /// Everything that is not ASCII: Python's default.
    Ascii,
    /// Now and then a character that need not be, names of fields included.
    Wild,
}

impl Style {
    pub(super) fn pick(random: &Random) -> Self {
        let spacing =
            random.pick(&[Spacing::None, Spacing::None, Spacing::Python, Spacing::Indented, Spacing::Wild]);
        let escapes = random.pick(&[Escapes::Few, Escapes::Few, Escapes::Ascii, Escapes::Wild]);
        Self { spacing, escapes, shuffled: random.chance(30) }
    }

    /// The style of event streams, which is mostly plain.
    pub(super) fn pick_for_stream(random: &Random) -> Self {
        if random.chance(80) {
            return Self {
                spacing: Spacing::None,
                escapes: random.pick(&[Escapes::Few, Escapes::Ascii]),
                shuffled: false,
            };
        }
        Self::pick(random)
    }

    pub(super) fn spell(self, random: &Random, value: &Json) -> String {
        let mut out = String::new();
        self.value(random, value, 0, &mut out);
        out
    }

    fn value(self, random: &Random, value: &Json, level: usize, out: &mut String) {
        match value {
            Json::Raw(raw) => out.push_str(raw),
            Json::Text(text) => self.text(random, text, out),
            Json::Array(items) => self.list(random, ('[', ']'), items, level, out, |random, item, out| {
                self.value(random, item, level + 1, out);
            }),
            Json::Object(fields) => {
                let mut fields: Vec<&(String, Json)> = fields.iter().collect();
                if self.shuffled {
                    random.shuffle(&mut fields);
                }
                self.list(random, ('{', '}'), &fields, level, out, |random, (name, value), out| {
                    self.text(random, name, out);
                    self.gap(random, out);
                    out.push(':');
                    if matches!(self.spacing, Spacing::Python | Spacing::Indented) {
                        out.push(' ');
                    }
                    self.gap(random, out);
                    self.value(random, value, level + 1, out);
                });
            }
        }
    }

    fn list<T>(
        self,
        random: &Random,
        (open, close): (char, char),
        items: &[T],
        level: usize,
        out: &mut String,
        mut spell: impl FnMut(&Random, &T, &mut String),
    ) {
        out.push(open);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.push(',');
                if matches!(self.spacing, Spacing::Python) {
                    out.push(' ');
                }
            }
            self.line(level + 1, out);
            self.gap(random, out);
            spell(random, item, out);
            self.gap(random, out);
        }
        if !items.is_empty() {
            self.line(level, out);
        }
        out.push(close);
    }

    fn line(self, level: usize, out: &mut String) {
        if matches!(self.spacing, Spacing::Indented) {
            out.push('\n');
            out.push_str(&"  ".repeat(level));
        }
    }

    fn gap(self, random: &Random, out: &mut String) {
        if matches!(self.spacing, Spacing::Wild) && random.chance(30) {
            out.push_str(random.pick(&[" ", "\t", "\n", "\r\n", "   ", " \n\t\r"]));
        }
    }

    fn text(self, random: &Random, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            let must = matches!(c, '"' | '\\') || c < ' ';
            let may = match self.escapes {
                Escapes::Few => false,
                Escapes::Ascii => !c.is_ascii(),
                Escapes::Wild => random.chance(5),
            };
            if must || may { self.escape(random, c, out) } else { out.push(c) }
        }
        out.push('"');
    }

    fn escape(self, random: &Random, c: char, out: &mut String) {
        let short = match c {
            '"' => r#"\""#,
            '\\' => r"\\",
            '/' => r"\/",
            '\u{8}' => r"\b",
            '\u{C}' => r"\f",
            '\n' => r"\n",
            '\r' => r"\r",
            '\t' => r"\t",
            _ => "",
        };
        if !short.is_empty() && (!matches!(self.escapes, Escapes::Wild) || random.chance(70)) {
            out.push_str(short);
            return;
        }
        let upper = matches!(self.escapes, Escapes::Wild) && random.chance(50);
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
        }
    }
}
