//! What a journal kept, in the order in which it is to be counted again.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use botwarden_limit::{JournalError, Recorded, RecordedClock, record_time};
use botwarden_types::Now;

use super::OpenJournalError;
use super::file::{self, Kind};
use super::frame::{self, Found};
use super::header::{self, Boot, Header};
use super::log;

/// What a journal kept: the last snapshot, then the logs since. Give it to [`botwarden_limit::Limiter::restore`].
pub struct Recovery {
    files: VecDeque<Part>,
    reading: Option<(BufReader<File>, u64)>,
    clock: RecordedClock,
    generation: u64,
    log_bytes: u64,
    lost_bytes: u64,
}

/// A file, as far as it is whole.
struct Part {
    path: PathBuf,
    whole_bytes: u64,
}

/// What a first look at a file found.
#[derive(Debug)]
pub(super) struct Survey {
    header: Option<Header>,
    pub(super) whole_bytes: u64,
    pub(super) lost_bytes: u64,
    /// Both clocks as its last record was written.
    last: Option<Now>,
}

impl Recovery {
    /// Looks at every file to its end, so that damage is noticed before anything is counted.
    pub(super) fn find(dir: &Path, boot: Boot, now: Now) -> Result<Self, OpenJournalError> {
        let reading = |source| OpenJournalError::Read { path: dir.to_path_buf(), source };
        let listed = file::list(dir).map_err(reading)?;
        let generation = listed.iter().map(|(generation, _)| *generation).max().unwrap_or(0);
        let snapshot =
            listed.iter().filter(|(_, kind)| *kind == Kind::Snapshot).map(|(number, _)| *number).max();
        let mut recovery = Self {
            files: VecDeque::new(),
            reading: None,
            clock: RecordedClock::SameBoot,
            generation,
            log_bytes: 0,
            lost_bytes: 0,
        };
        let mut seen: Option<(Boot, Now)> = None;
        let logs = listed.into_iter().filter(|(number, kind)| {
            *kind == Kind::Log && snapshot.is_none_or(|snapshot| *number >= snapshot)
        });
        for (number, kind) in snapshot.map(|number| (number, Kind::Snapshot)).into_iter().chain(logs) {
            let path = kind.path(dir, number);
            let survey = Survey::of(&path, dir, kind, boot)?;
            let Some(header) = survey.header else { continue };
            // A log that a start made before it failed holds nothing: its clock is not that of what was kept.
            let holds_records = survey.whole_bytes > header::BYTES as u64;
            if kind == Kind::Snapshot || holds_records {
                seen = Some((header.boot, survey.last.unwrap_or(header.written)));
            }
            if kind == Kind::Log {
                recovery.log_bytes += survey.whole_bytes;
            }
            recovery.lost_bytes += survey.lost_bytes;
            recovery.files.push_back(Part { path, whole_bytes: survey.whole_bytes });
        }
        recovery.clock = match seen {
            // A tick from the future shows a clock of another name space, whatever the number of the boot says.
            Some((before, last)) if !before.is_same(boot) || last.tick > now.tick => {
                RecordedClock::Booted { last }
            }
            _ => RecordedClock::SameBoot,
        };
        Ok(recovery)
    }

    /// Bytes at the ends of files that were not whole records: a record being written when the process or the machine stopped. What
    /// it would have admitted never was.
    pub fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// Whether anything was kept.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn log_bytes(&self) -> u64 {
        self.log_bytes
    }
}

/// Why a file is not what a journal wrote.
#[derive(Debug)]
pub(super) enum Unsound {
    Read(io::Error),
    Foreign(String),
    /// At which byte.
    Damaged(u64),
}

impl Survey {
    fn of(path: &Path, dir: &Path, kind: Kind, boot: Boot) -> Result<Self, OpenJournalError> {
        let reading = |source| OpenJournalError::Read { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(reading)?;
        let length = file.metadata().map_err(reading)?.len();
        let (path, dir) = (path.to_path_buf(), dir.to_path_buf());
        Self::through(&mut BufReader::new(file), length, kind, boot).map_err(|unsound| match unsound {
            Unsound::Read(source) => OpenJournalError::Read { path, source },
            Unsound::Foreign(what) => OpenJournalError::Foreign { path, what, dir },
            Unsound::Damaged(offset) => OpenJournalError::Damaged { path, offset, dir },
        })
    }

    /// The same of a file of `length` bytes, wherever it lies.
    pub(super) fn through(
        file: &mut impl BufRead,
        length: u64,
        kind: Kind,
        boot: Boot,
    ) -> Result<Self, Unsound> {
        let mut survey = Self { header: None, whole_bytes: 0, lost_bytes: length, last: None };
        let mut bytes = [0; header::BYTES];
        if length < header::BYTES as u64 && kind == Kind::Log {
            // Its maker was stopped before it took any record.
            return Ok(survey);
        }
        file.read_exact(&mut bytes).map_err(|_| Unsound::Damaged(0))?;
        let header = Header::read(&bytes).map_err(Unsound::Foreign)?;
        survey.header = Some(header);
        survey.whole_bytes = header::BYTES as u64;
        let mut record = Vec::new();
        loop {
            survey.lost_bytes = length - survey.whole_bytes;
            match frame::read(file, survey.lost_bytes, &mut record).map_err(Unsound::Read)? {
                Found::Record(bytes) => {
                    survey.whole_bytes += bytes;
                    survey.last = record_time(&record).or(survey.last);
                }
                Found::End => return Ok(survey),
                Found::Torn if kind == Kind::Log => return Ok(survey),
                // Room that was reserved; at most one record was being written there.
                Found::Free if kind == Kind::Log => {
                    survey.lost_bytes = to_last_byte(file).map_err(Unsound::Read)?;
                    let explained = survey.lost_bytes <= log::FRAME_BYTES_MAX || !header.boot.is_same(boot);
                    return if explained { Ok(survey) } else { Err(Unsound::Damaged(survey.whole_bytes)) };
                }
                // After a loss of power, what was not synced may be anything; before it, nobody writes such bytes.
                Found::Damaged if kind == Kind::Log && !header.boot.is_same(boot) => return Ok(survey),
                Found::Torn | Found::Free | Found::Damaged => {
                    return Err(Unsound::Damaged(survey.whole_bytes));
                }
            }
        }
    }
}

/// Bytes of the frame whose head was read, if anything follows its length but zeros: up to the last byte that is not.
fn to_last_byte(file: &mut impl BufRead) -> io::Result<u64> {
    let (mut read, mut last) = (frame::HEAD as u64, 0);
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(last);
        }
        if let Some(at) = bytes.iter().rposition(|byte| *byte != 0) {
            last = read + at as u64 + 1;
        }
        let length = bytes.len();
        read += length as u64;
        file.consume(length);
    }
}

impl Recorded for Recovery {
    fn clock(&self) -> RecordedClock {
        self.clock
    }

    fn next(&mut self, record: &mut Vec<u8>) -> Result<bool, JournalError> {
        loop {
            let Some((file, left)) = &mut self.reading else {
                let Some(part) = self.files.pop_front() else { return Ok(false) };
                let mut file = BufReader::new(File::open(&part.path).map_err(JournalError::Read)?);
                file.read_exact(&mut [0; header::BYTES]).map_err(JournalError::Read)?;
                self.reading = Some((file, part.whole_bytes - header::BYTES as u64));
                continue;
            };
            match frame::read(file, *left, record).map_err(JournalError::Read)? {
                Found::Record(bytes) => {
                    *left -= bytes;
                    return Ok(true);
                }
                Found::End => self.reading = None,
                // It was whole a moment ago.
                Found::Torn | Found::Free | Found::Damaged => {
                    return Err(JournalError::Read(std::io::ErrorKind::InvalidData.into()));
                }
            }
        }
    }
}
