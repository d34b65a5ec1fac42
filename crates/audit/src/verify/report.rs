//! What a verification found.

use std::fmt;

use botwarden_types::UnixMs;

use crate::tree::Hash;

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Everything is as it was written.
    Good,
    /// Something is not.
    Tampered,
    /// It could not be checked: unreadable files, another key, a later release.
    CannotTell,
}

impl Conclusion {
    /// What a command exits with.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Tampered => 1,
            Self::CannotTell => 3,
        }
    }
}

/// What was done to the log, as far as can be told from what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// An entry, or a hash over it, has other bytes.
    Flip,
    /// An entry is gone from between others.
    Drop,
    /// An entry stands where none was.
    Insert,
    /// Entries stand in each other's place.
    Swap,
    /// The end is gone.
    Truncate,
    /// A file is gone.
    Missing,
    /// Signed with the key, but not what was signed before: a second history.
    Fork,
    /// A signature does not verify.
    Signature,
    /// Content is gone, and no erasure names its entry.
    ContentMissing,
    /// Content has other bytes, and no erasure names its entry.
    ContentChanged,
}

impl Wrong {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flip => "bytes were changed",
            Self::Drop => "an entry was taken out",
            Self::Insert => "an entry was put in",
            Self::Swap => "entries were swapped",
            Self::Truncate => "the end was cut off",
            Self::Missing => "a file was removed",
            Self::Fork => "another history was signed",
            Self::Signature => "a signature does not verify",
            Self::ContentMissing => "content was removed without an erasure",
            Self::ContentChanged => "content was changed",
        }
    }
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub wrong: Wrong,
    /// Index of the first entry that may be concerned; all before are as they were written.
    pub from: u64,
    /// Index after the last entry that the first bad one may be; none: to the end. `from + 1` where the entry is known.
    pub to: Option<u64>,
    /// Where it showed.
    pub file: String,
}

/// A witness that cosigned the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The name of its key.
    pub name: String,
    /// Entries of the largest checkpoint that it cosigned, of those that are known here.
    pub size: u64,
    /// When, as it says.
    pub at: UnixMs,
}

/// What was checked, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The verdict.
    pub verdict: Conclusion,
    /// What is wrong, if the verdict is [`Conclusion::Tampered`].
    pub finding: Option<Finding>,
    /// Why nobody can tell, if the verdict is [`Conclusion::CannotTell`].
    pub reason: Option<String>,
    /// Entries hashed from their bytes.
    pub entries: u64,
    /// Root over them.
    pub root: Hash,
    /// Tiles compared, bundles of entries included.
    pub tiles: u64,
    /// Signed checkpoints that the tree was compared with: in the journal, published, kept.
    pub checkpoints: u64,
    /// Contents hashed.
    pub contents: u64,
    /// Contents that are gone or changed as an erasure allows.
    pub erased: u64,
    /// Entries of which this release cannot read what they say, though they are as they were written.
    pub unreadable: u64,
    /// Bytes of an unfinished write at the end; nothing in them was acknowledged.
    pub torn_bytes: u64,
    /// Witnesses whose cosignatures hold, in the order in which their keys were given. They count only if the verdict is good.
    pub witnesses: Vec<Witnessed>,
    /// Times of the first and the last entry.
    pub span: Option<(UnixMs, UnixMs)>,
    /// How often an entry is dated before the one in front of it: the clock was set back, or entries of several threads.
    pub clock_steps_back: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.verdict, &self.finding, &self.reason) {
            (Conclusion::Good, _, _) => writeln!(f, "good")?,
            (_, Some(finding), _) => writeln!(f, "TAMPERED: {finding}")?,
            (_, None, reason) => writeln!(f, "cannot tell: {}", reason.as_deref().unwrap_or("unknown"))?,
        }
        writeln!(f, "entries      {} (root {})", self.entries, self.root)?;
        if let Some((first, last)) = self.span {
            writeln!(f, "from, to     {}, {}", first.rfc3339(), last.rfc3339())?;
        }
        writeln!(f, "checkpoints  {}", self.checkpoints)?;
        writeln!(f, "tiles        {}", self.tiles)?;
        writeln!(f, "contents     {} present, {} erased", self.contents, self.erased)?;
        for Witnessed { name, size, at } in &self.witnesses {
            writeln!(f, "witness      {name}: {size} entries, {}", at.rfc3339())?;
        }
        for (name, count) in [
            ("unreadable", self.unreadable),
            ("torn bytes", self.torn_bytes),
            ("clock back", self.clock_steps_back),
        ] {
            if count > 0 {
                writeln!(f, "{name}   {count}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wrong, from, to, file } = self;
        match to {
            Some(to) if *to == from + 1 => write!(f, "entry {from}: {} (`{file}`)", wrong.as_str()),
            Some(to) => {
                write!(f, "entries {from} to {}: {} (`{file}`)", to.saturating_sub(1), wrong.as_str())
            }
            None => write!(f, "from entry {from} on: {} (`{file}`)", wrong.as_str()),
        }
    }
}
