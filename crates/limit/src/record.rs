//! What the journal is told, byte by byte. All numbers are little-endian; `docs/formats/limit-journal.md` is the description.

use crate::time::{self, Ms};

/// Version of every record; a reader refuses others.
const VERSION: u8 = 1;

/// Bytes before the lines: version, kind, tick, wall clock.
const HEAD: usize = 18;

/// Bytes of a line.
const LINE: usize = 33;

/// How something is counted, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counter {
    /// A log of time stamps.
    Log,
    /// Sums over a window.
    Sum,
}

impl Counter {
    fn code(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Sum => 2,
        }
    }
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Charges of one decision, all at one moment.
    Charge,
    /// Tokens given back. The moment of the charge comes before the lines.
    Refund,
    /// The first record of a snapshot.
    Origin,
    /// All that is counted in one shard.
    Shard,
}

/// What every record begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// The moment it speaks of; before boot, if it was made before the boot it was written in.
    pub(crate) at: Ms,
    /// The wall clock when it was written, in ms since 1970.
    pub(crate) wall_ms: u64,
}

/// One level's part in a charge or a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) counter: Counter,
    /// Length of the rule's window: with `counter`, the table.
    pub(crate) window_ms: u64,
    /// Hash of rule and subject.
    pub(crate) id: u64,
    /// Number of the change within the shard.
    pub(crate) seq: u64,
    /// What was charged or given back; 1 in a log.
    pub(crate) weight: u64,
}

/// A record being written.
pub(crate) struct Writer<B>(B);

/// Where the bytes of a record gather.
pub(crate) trait Bytes: Default + AsRef<[u8]> + AsMut<[u8]> {
    /// Appends some.
    fn add(&mut self, bytes: &[u8]);
}

impl Bytes for Vec<u8> {
    fn add(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Room on the stack for a decision on eleven levels.
pub(crate) type Small = smallvec::SmallVec<[u8; 256]>;

impl Bytes for Small {
    fn add(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl<B: Bytes> Writer<B> {
    pub(crate) fn new(head: Head) -> Self {
        let mut writer = Self(B::default());
        let kind = match head.kind {
            Kind::Charge => 1,
            Kind::Refund => 2,
            Kind::Origin => 3,
            Kind::Shard => 4,
        };
        writer.0.add(&[VERSION, kind]);
        writer.i64(time::since_boot(head.at));
        writer.u64(head.wall_ms);
        writer
    }

    /// Changes the moment the record speaks of.
    pub(crate) fn set_at(&mut self, at: Ms) {
        if let Some(bytes) = self.0.as_mut().get_mut(2..10) {
            bytes.copy_from_slice(&time::since_boot(at).to_le_bytes());
        }
    }

    /// Written as one piece: several are for every request.
    pub(crate) fn line(&mut self, line: Line) {
        let mut bytes = [0; LINE];
        bytes[0] = line.counter.code();
        bytes[1..9].copy_from_slice(&line.window_ms.to_le_bytes());
        bytes[9..17].copy_from_slice(&line.id.to_le_bytes());
        bytes[17..25].copy_from_slice(&line.seq.to_le_bytes());
        bytes[25..33].copy_from_slice(&line.weight.to_le_bytes());
        self.0.add(&bytes);
    }

    pub(crate) fn table(&mut self, counter: Counter, window_ms: u64) {
        self.u8(counter.code());
        self.u64(window_ms);
    }

    pub(crate) fn u8(&mut self, number: u8) {
        self.0.add(&[number]);
    }

    pub(crate) fn u16(&mut self, number: u16) {
        self.0.add(&number.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.0.add(&number.to_le_bytes());
    }

    fn i64(&mut self, number: i64) {
        self.0.add(&number.to_le_bytes());
    }

    pub(crate) fn moment(&mut self, at: Ms) {
        self.i64(time::since_boot(at));
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// Whether anything follows the head.
    pub(crate) fn has_lines(&self) -> bool {
        self.bytes().len() > HEAD
    }
}

/// Why a record is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Another version of the format.
    Version(u8),
    /// Not a record at all.
    Malformed,
}

/// A record being read.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads what every record begins with.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<(Head, Self), Unread> {
        let mut reader = Self(bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(Unread::Version(version));
        }
        let kind = match reader.u8()? {
            1 => Kind::Charge,
            2 => Kind::Refund,
            3 => Kind::Origin,
            4 => Kind::Shard,
            _ => return Err(Unread::Malformed),
        };
        let at = time::at_since_boot(reader.i64()?);
        let wall_ms = reader.u64()?;
        Ok((Head { kind, at, wall_ms }, reader))
    }

    /// The next line, if the record does not end here.
    pub(crate) fn line(&mut self) -> Result<Option<Line>, Unread> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (counter, window_ms) = self.table()?;
        Ok(Some(Line { counter, window_ms, id: self.u64()?, seq: self.u64()?, weight: self.u64()? }))
    }

    pub(crate) fn table(&mut self) -> Result<(Counter, u64), Unread> {
        let counter = match self.u8()? {
            1 => Counter::Log,
            2 => Counter::Sum,
            _ => return Err(Unread::Malformed),
        };
        Ok((counter, self.u64()?))
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Unread> {
        Ok(u8::from_le_bytes(self.take()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Unread> {
        Ok(u16::from_le_bytes(self.take()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Unread> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn i64(&mut self) -> Result<i64, Unread> {
        Ok(i64::from_le_bytes(self.take()?))
    }

    pub(crate) fn moment(&mut self) -> Result<Ms, Unread> {
        Ok(time::at_since_boot(self.i64()?))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Unread> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Unread::Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let head = Head { kind: Kind::Charge, at: time::at_since_boot(-5), wall_ms: 7 };
        let lines = [
            Line { counter: Counter::Log, window_ms: 60_000, id: u64::MAX, seq: 1, weight: 1 },
            Line { counter: Counter::Sum, window_ms: 1, id: 0, seq: u64::MAX, weight: 99 },
        ];
        let mut writer = Writer::<Small>::new(head);
        writer.set_at(time::at_since_boot(12));
        lines.iter().for_each(|line| writer.line(*line));
        let (read, mut reader) = Reader::open(writer.bytes()).unwrap();
        assert_eq!(read, Head { at: time::at_since_boot(12), ..head });
        assert_eq!([reader.line().unwrap().unwrap(), reader.line().unwrap().unwrap()], lines);
        assert_eq!(reader.line(), Ok(None));
        for end in 0..writer.bytes().len() {
            let cut = Reader::open(&writer.bytes()[..end]).and_then(|(_, mut reader)| {
                while reader.line()?.is_some() {}
                Ok(())
            });
            assert!(cut.is_err() || end == HEAD || end == HEAD + 33, "cut at {end}");
        }
        assert_eq!(Reader::open(&[2, 1]).map(drop), Err(Unread::Version(2)));
    }
}
