//! What a tool returned, read once: records with what their fields are, and text that anyone may have written.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::contract::{Answers, Contract, Effect, Label, Tool};
use crate::data::Data;
use crate::read::read_records;
use crate::session::Map;
use crate::value::{Canon, fold, links_in};

/// Records of one result.
const RECORDS_MAX: usize = 20_000;
/// Names of fields whose meaning is kept in mind.
const LABELS_MAX: usize = 64;
/// Characters of a text that can still name something or somebody.
const NAME_CHARS_MAX: usize = 200;

/// A field of a record.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub label: Label,
    /// Its value.
    pub canon: Canon,
}

/// A record: a map in a result with its scalar fields.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Its fields; of a list there is one for each item.
    pub fields: Vec<Field>,
    /// The list or map in which it stands, by number: records of one listing have the same.
    pub group: u32,
}

/// What a tool returned.
#[derive(Debug, Default)]
pub struct Observed {
    /// The tool.
    pub tool: String,
    /// What of it is for people: `read_file bill.txt`.
    pub source: String,
    /// Whether it is of the bot's own making in this session.
    pub is_own: bool,
    pub(crate) records: Vec<Record>,
    /// Where values of ids, names and parties stand.
    places: Map<Canon, SmallVec<[(u32, u16); 2]>>,
    /// All words in lower case, for text that was copied from here.
    pub(crate) folded: String,
    /// Links and codes in it.
    raw: String,
}

impl Observed {
    /// Reads what `tool` of `contract` returned for a call described by `source`. `structured` is the result's own structure, where it has one.
    pub fn new(
        contract: &Contract,
        name: &str,
        tool: Option<&Tool>,
        source: String,
        text: &str,
        structured: Option<&Data>,
    ) -> Self {
        let mut observed = Self {
            tool: name.to_owned(),
            source,
            raw: text.to_owned(),
            folded: fold(text),
            ..Self::default()
        };
        let Some(tool) = tool else { return observed };
        observed.is_own = !matches!(tool.effect, Effect::Read | Effect::Browse);
        if tool.answers == Answers::Text {
            return observed;
        }
        let read = if structured.is_none() { read_records(text) } else { None };
        if let Some(data) = structured.or(read.as_ref()) {
            Reader { contract, observed: &mut observed, groups: 0, labels: Vec::new() }.walk(data, None, 0);
        }
        observed
    }

    /// The first record with that link in its prose.
    pub(crate) fn links_to(&self, canon: &Canon) -> impl Iterator<Item = usize> {
        let has = move |record: &Record| {
            record.fields.iter().any(|field| field.label == Label::Prose && field.canon == *canon)
        };
        self.records.iter().enumerate().filter(move |(_, record)| has(record)).map(|(at, _)| at)
    }

    /// Records that have `canon` as an id, a name or a party, each with the field.
    pub(crate) fn with<'o>(&'o self, canon: &Canon) -> impl Iterator<Item = (usize, &'o Field)> + 'o {
        self.places.get(canon).into_iter().flatten().filter_map(|&(record, field)| {
            let record = usize::try_from(record).ok()?;
            Some((record, self.records.get(record)?.fields.get(usize::from(field))?))
        })
    }

    /// Whether the words (in lower case, one space between) stand in it.
    pub(crate) fn has_words(&self, words: &str) -> bool {
        let inner = |char: Option<u8>| char.is_some_and(|byte| byte != b' ');
        memchr::memmem::find_iter(self.folded.as_bytes(), words.as_bytes()).any(|at| {
            let before = at.checked_sub(1).and_then(|at| self.folded.as_bytes().get(at).copied());
            !inner(before) && !inner(self.folded.as_bytes().get(at + words.len()).copied())
        })
    }

    /// Whether the text stands in it to the letter.
    pub(crate) fn has_exactly(&self, text: &str) -> bool {
        memchr::memmem::find(self.raw.as_bytes(), text.as_bytes()).is_some()
    }
}

struct Reader<'r> {
    contract: &'r Contract,
    observed: &'r mut Observed,
    groups: u32,
    /// What the fields met so far are: records of one listing have the same.
    labels: Vec<(Arc<str>, Label)>,
}

impl Reader<'_> {
    /// Walks a value; `record` is the one it belongs to.
    fn walk(&mut self, data: &Data, name: Option<&str>, group: u32) {
        if self.observed.records.len() >= RECORDS_MAX {
            return;
        }
        match data {
            Data::List(items) => {
                self.groups += 1;
                let group = self.groups;
                for item in items {
                    match item {
                        Data::Map(_) | Data::List(_) => self.walk(item, name, group),
                        scalar => {
                            // A list of names or addresses: each is somebody or something.
                            let at = self.begin(group);
                            self.field(at, name.unwrap_or("name"), scalar);
                        }
                    }
                }
            }
            Data::Map(entries) => self.map(entries, group),
            _ => {}
        }
    }

    fn map(&mut self, entries: &[(String, Data)], group: u32) {
        if entries.iter().all(|(name, _)| is_entity(name)) && !entries.is_empty() {
            return self.directory(entries);
        }
        let record = self.begin(group);
        for (name, value) in entries {
            match value {
                Data::Map(inner) => {
                    self.entities(record, name, inner);
                    self.walk(value, Some(name), 0);
                }
                Data::List(items) => {
                    for item in items {
                        match item {
                            Data::Map(_) | Data::List(_) => {}
                            scalar => self.field(record, name, scalar),
                        }
                    }
                    if items.iter().any(|item| matches!(item, Data::Map(_) | Data::List(_))) {
                        self.walk(value, Some(name), 0);
                    }
                }
                scalar => self.field(record, name, scalar),
            }
        }
    }

    /// A map from names to what is said of them: each entry is a record.
    fn directory(&mut self, entries: &[(String, Data)]) {
        self.groups += 1;
        let group = self.groups;
        for (key, value) in entries {
            let record = self.begin(group);
            self.field(record, "name", &Data::Text(key.clone()));
            match value {
                Data::Map(inner) => {
                    for (name, value) in inner {
                        match value {
                            Data::Map(_) | Data::List(_) => self.walk(value, Some(name), 0),
                            scalar => self.field(record, name, scalar),
                        }
                    }
                }
                Data::List(_) => self.walk(value, Some("value"), 0),
                scalar => self.field(record, "value", scalar),
            }
        }
    }

    /// People who are keys of a map inside a record (`shared_with: {a@b.example: rw}`) are fields of it.
    fn entities(&mut self, record: usize, name: &str, inner: &[(String, Data)]) {
        if !inner.is_empty() && inner.iter().all(|(key, _)| is_entity(key)) {
            for (key, _) in inner {
                self.field(record, name, &Data::Text(key.clone()));
            }
        }
    }

    fn label(&mut self, name: &str) -> (Arc<str>, Label) {
        if let Some((known, label)) = self.labels.iter().find(|(known, _)| **known == *name) {
            return (known.clone(), *label);
        }
        let (name, label) = (Arc::from(name), self.contract.label(name));
        if self.labels.len() < LABELS_MAX {
            self.labels.push((Arc::clone(&name), label));
        }
        (name, label)
    }

    fn begin(&mut self, group: u32) -> usize {
        self.observed.records.push(Record { fields: Vec::new(), group });
        self.observed.records.len() - 1
    }

    /// Links in what anyone may have written: they lead somewhere only if the person asked for what is in that record.
    fn links(&mut self, record: usize, name: &Arc<str>, text: &str) {
        let Some(record) = self.observed.records.get_mut(record) else { return };
        let links = links_in(text).into_iter();
        record.fields.extend(links.map(|canon| Field { name: name.clone(), label: Label::Prose, canon }));
    }

    fn field(&mut self, record: usize, name: &str, value: &Data) {
        let (text, is_text) = match value {
            Data::Text(text) => (text.as_str(), true),
            Data::Number(text) => (text.as_str(), false),
            Data::Bool(true) => ("true", false),
            Data::Bool(false) => ("false", false),
            _ => return,
        };
        let (name, mut label) = self.label(name);
        let is_short = text.len() <= NAME_CHARS_MAX && !text.contains('\n');
        if !is_short {
            label = Label::Prose;
        }
        // A number that no name says anything of is a fact: nobody can be named by it.
        if label == Label::Prose && !is_text {
            label = Label::Fact;
        }
        if label == Label::Prose {
            self.links(record, &name, text);
            if !is_short {
                return; // found by its words alone
            }
        }
        let canon = Canon::of(text);
        let at = self.observed.records.get_mut(record).map(|record| {
            record.fields.push(Field { name, label, canon: canon.clone() });
            record.fields.len() - 1
        });
        if matches!(label, Label::Id | Label::Name | Label::Party)
            && let (Ok(record), Some(Ok(field))) = (u32::try_from(record), at.map(u16::try_from))
        {
            self.observed.places.entry(canon).or_default().push((record, field));
        }
    }
}

/// Whether the key of a map is somebody or something, not the name of a field.
fn is_entity(key: &str) -> bool {
    let is_field = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && !key.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    !is_field && key.len() <= NAME_CHARS_MAX && !key.contains('\n')
}
