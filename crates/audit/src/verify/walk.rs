//! From the first entry to the last.

use botwarden_types::UnixMs;

use super::content::{self, Account};
use super::journal::{self, Batch, Journal};
use super::read::{self, Claim, NoClaim};
use super::tree::Frontier;
use super::watch::{Source, Watches};
use super::{Conclusion, Finding, Quorum, Report, Stop, Wrong, witness};
use crate::c2sp::NoteKey;
use crate::port::Files;
use crate::tree::{Hash, leaf_hash};

/// How often a log that is written meanwhile is followed. Each time what is left is shorter.
const ROUNDS_MAX: u32 = 32;

pub(super) struct Walk<'a> {
    files: &'a dyn Files,
    key: &'a NoteKey,
    tree: Frontier,
    watches: Watches,
    published: Claim,
    /// The tile at hand of each level from 1 on.
    tiles: Vec<Option<(u64, Vec<Hash>)>>,
    /// Roots that were completed by the last leaf.
    completed: Vec<(u8, Hash)>,
    account: Account,
    report: Report,
}

impl<'a> Walk<'a> {
    /// Goes over the log; tells besides whether it was written meanwhile, so that what was found may mean nothing.
    pub(super) fn over(
        files: &'a dyn Files,
        key: &'a NoteKey,
        kept: &[&[u8]],
        quorum: &Quorum,
    ) -> (Report, bool) {
        let report = Report {
            verdict: Conclusion::Good,
            finding: None,
            reason: None,
            entries: 0,
            root: Hash::default(),
            tiles: 0,
            checkpoints: 0,
            contents: 0,
            erased: 0,
            unreadable: 0,
            torn_bytes: 0,
            witnesses: Vec::new(),
            span: None,
            clock_steps_back: 0,
        };
        let published = Claim { size: 0, root: Hash::default() };
        let mut walk = Self {
            files,
            key,
            tree: Frontier::default(),
            watches: Watches::default(),
            published,
            tiles: vec![None; 8],
            completed: Vec::new(),
            account: Account::default(),
            report,
        };
        let end = walk.run(kept, quorum);
        walk.finish(end, quorum)
    }

    fn run(&mut self, kept: &[&[u8]], quorum: &Quorum) -> Result<(), Stop> {
        // Before the checkpoint that is published: what is cosigned was published, and is never ahead of what is read after it.
        let cosigned = witness::read_cosigned(self.files)?;
        self.published = self.read_published()?;
        for note in kept {
            let claim = read::claim(note, self.key)
                .map_err(|_| Stop::CannotTell("a kept checkpoint is not one of this log's key".to_owned()))?;
            self.watches.add(&self.tree, claim, Source::Kept);
            witness::count(note, claim, "a kept checkpoint", quorum, &mut self.report.witnesses)?;
        }
        for (file, note) in &cosigned {
            let claim = witness::claim(file, note, self.key)?;
            self.watches.add(&self.tree, claim, Source::Cosigned);
            witness::count(note, claim, file, quorum, &mut self.report.witnesses)?;
        }
        self.watches.add(&self.tree, self.published, Source::Published);
        self.watches.meet(&self.tree)?;
        self.watch_batches().or_else(|stop| if self.moved_on() { Ok(()) } else { Err(stop) })?;
        let mut number = 0;
        // A log that is written meanwhile moves on from its journal to bundles: these are followed.
        for round in 1.. {
            while number < self.published.size / 256 {
                self.bundle(number)?;
                number += 1;
            }
            match self.tail() {
                Err(_) if round < ROUNDS_MAX && self.tree.size == number * 256 && self.moved_on() => {
                    self.published = self.read_published()?;
                    self.watches.add(&self.tree, self.published, Source::Published);
                }
                Err(stop) => return Err(stop),
                Ok(()) => break,
            }
        }
        self.watches.expect_nothing_more(&self.tree)
    }

    /// Whether another checkpoint was published since.
    pub(super) fn moved_on(&self) -> bool {
        self.read_published().is_ok_and(|now| now != self.published)
    }

    /// Batches that are in bundles already still say what the root was.
    fn watch_batches(&mut self) -> Result<(), Stop> {
        let whole = self.published.size / 256 * 256;
        let mut journal = Journal::open(self.files, whole)?;
        while let Some(batch) = self.next_batch(&mut journal)? {
            if batch.end > whole {
                break;
            }
        }
        Ok(())
    }

    fn read_published(&self) -> Result<Claim, Stop> {
        let mut bytes = Vec::new();
        if !read::file(self.files, "format", 4096, &mut bytes)? {
            return Err(Stop::CannotTell("`format` is missing: there is no audit log here".to_owned()));
        }
        if !bytes.starts_with(b"botwarden-audit/1\n") {
            return Err(Stop::CannotTell("`format` is of a release that this one does not know".to_owned()));
        }
        if bytes.get(18..) != Some(format!("{}\n", self.key).as_bytes()) {
            return Err(Stop::CannotTell(
                "`format` names another key: the log is not of this one".to_owned(),
            ));
        }
        let wrong = |wrong| Stop::Wrong(Finding { wrong, from: 0, to: None, file: "checkpoint".to_owned() });
        if !read::file(self.files, "checkpoint", 128 << 10, &mut bytes)? {
            return Err(wrong(Wrong::Missing));
        }
        read::claim(&bytes, self.key).map_err(|error| match error {
            NoClaim::Unsigned => Stop::CannotTell("`checkpoint` is not signed with this key".to_owned()),
            NoClaim::Forged => wrong(Wrong::Signature),
            NoClaim::Malformed => wrong(Wrong::Flip),
        })
    }

    /// The next batch of the journal, with the root to be met after it.
    fn next_batch(&mut self, journal: &mut Journal<'_>) -> Result<Option<Batch>, Stop> {
        let batch = journal.next()?;
        for (size, root) in std::mem::take(&mut journal.heads) {
            self.watches.add(&self.tree, Claim { size, root }, Source::Segment(size));
        }
        if let Some(batch) = batch.as_ref().filter(|batch| batch.end >= self.tree.size) {
            let claim = journal::claim(batch, self.key)?;
            self.watches.add(&self.tree, claim, Source::Batch { first: batch.first, segment: batch.segment });
        }
        self.watches.meet(&self.tree)?;
        Ok(batch)
    }

    /// One full bundle: every entry against its tile, and contents.
    fn bundle(&mut self, number: u64) -> Result<(), Stop> {
        let (name, of_hashes) = (read::path("tile/entries", number, 256), read::path("tile/0", number, 256));
        let first = number * 256;
        let missing = |file: &str| {
            Stop::Wrong(Finding {
                wrong: Wrong::Missing,
                from: first,
                to: Some(first + 256),
                file: file.to_owned(),
            })
        };
        let mut bytes = Vec::new();
        if !read::bundle(self.files, &name, &mut bytes)? {
            return Err(missing(&name));
        }
        let wanted = self.tile(0, number, 256)?.ok_or_else(|| missing(&of_hashes))?;
        let (leaves, rest) = leaves(&bytes, u64::MAX);
        if let Some((at, wrong)) = difference(&leaves, &wanted).or((rest > 0).then_some((256, Wrong::Insert)))
        {
            let from = first + at;
            return Err(Stop::Wrong(Finding { wrong, from, to: Some(from + 1), file: name }));
        }
        self.report.tiles += 2;
        leaves.into_iter().try_for_each(|leaf| self.push(leaf))?;
        let mut contents = content::Bundle::open(self.files, first)?;
        let mut rest = bytes.as_slice();
        for which in 0..=u8::MAX {
            let entry = read::next_entry(&mut rest).unwrap_or_default();
            if let Some(head) = self.head(entry) {
                let wrong = contents.check(which, head.content)?;
                self.content(head, first + u64::from(which), wrong)?;
            }
        }
        contents.finish()
    }

    /// What is in the journal alone, and in partial tiles.
    fn tail(&mut self) -> Result<(), Stop> {
        let partial = self.partial()?;
        let whole = self.published.size / 256 * 256;
        let mut journal = Journal::open(self.files, whole)?;
        let start = journal.start();
        if start.is_some_and(|start| start > whole) || (start.is_none() && whole < self.published.size) {
            let (from, to) = (whole, Some(start.unwrap_or(self.published.size)));
            return Err(Stop::Wrong(Finding { wrong: Wrong::Missing, from, to, file: "journal".to_owned() }));
        }
        while let Some(batch) = self.next_batch(&mut journal)? {
            let mut contents = batch.contents();
            let mut rest = batch.entries();
            for (which, index) in (0..).zip(batch.first..batch.end) {
                let entry = read::next_entry(&mut rest).unwrap_or_default();
                let content = journal::split_content(contents).filter(|(of, _, _)| *of == which);
                contents = content.map_or(contents, |(_, _, after)| after);
                if index == self.tree.size {
                    self.tail_entry(entry, content.map(|(_, content, _)| content), &partial, &batch)?;
                }
            }
            if !contents.is_empty() {
                let (from, to, file) = (batch.first, Some(batch.end), batch.file());
                return Err(Stop::Wrong(Finding { wrong: Wrong::ContentChanged, from, to, file }));
            }
        }
        self.report.torn_bytes = journal.torn_bytes;
        Ok(())
    }

    fn tail_entry(
        &mut self,
        entry: &[u8],
        content: Option<&[u8]>,
        partial: &[Hash],
        batch: &Batch,
    ) -> Result<(), Stop> {
        let leaf = leaf_hash(entry);
        let index = self.tree.size;
        let whole = self.published.size / 256 * 256;
        let wanted = usize::try_from(index - whole).ok().and_then(|at| partial.get(at));
        if wanted.is_some_and(|wanted| *wanted != leaf) {
            let file = batch.file();
            return Err(Stop::Wrong(Finding { wrong: Wrong::Flip, from: index, to: Some(index + 1), file }));
        }
        if let Some(head) = self.head(entry) {
            let wrong = match head.content {
                Some(hash) => content::check(content, hash),
                None => content.map(|_| Wrong::ContentChanged),
            };
            self.content(head, index, wrong)?;
        }
        self.push(leaf)
    }

    /// The hashes of the partial tile of entries, which are compared with the partial bundle.
    fn partial(&mut self) -> Result<Vec<Hash>, Stop> {
        let (whole, width) = (self.published.size / 256, self.published.size % 256);
        if width == 0 {
            return Ok(Vec::new());
        }
        let name = read::path("tile/entries", whole, width);
        let (first, to) = (whole * 256, Some(self.published.size));
        let missing = |file| Stop::Wrong(Finding { wrong: Wrong::Missing, from: first, to, file });
        let wanted =
            self.tile(0, whole, width)?.ok_or_else(|| missing(read::path("tile/0", whole, width)))?;
        let mut bytes = Vec::new();
        if !read::bundle(self.files, &name, &mut bytes)?
            && !read::bundle(self.files, &read::path("tile/entries", whole, 256), &mut bytes)?
        {
            return Err(missing(name));
        }
        let (leaves, rest) = leaves(&bytes, width);
        // Once the bundle is full it may hold more than this checkpoint covers.
        let full = wanted.len() as u64 > width || (rest > 0 && self.moved_on());
        let wanted = wanted.get(..usize::try_from(width).unwrap_or(256)).unwrap_or(&wanted);
        let longer = (rest > 0 && !full).then_some((width, Wrong::Insert));
        if let Some((at, wrong)) = difference(&leaves, wanted).or(longer) {
            let from = first + at;
            return Err(Stop::Wrong(Finding { wrong, from, to: Some(from + 1), file: name }));
        }
        self.report.tiles += 2;
        Ok(wanted.to_vec())
    }

    /// A tile, partial or full: a partial one may go when the full one is there.
    fn tile(&self, level: u8, index: u64, width: u64) -> Result<Option<Vec<Hash>>, Stop> {
        let folder = format!("tile/{level}");
        let (mut file, mut width) = (read::path(&folder, index, width), width);
        let mut tile = read::tile(self.files, &file)?;
        if tile.is_none() && width < 256 {
            (file, width) = (read::path(&folder, index, 256), 256);
            tile = read::tile(self.files, &file)?;
        }
        match tile {
            Some(hashes) if hashes.len() as u64 != width => {
                let shift = u32::from(level) * 8;
                let (from, to) = ((index * 256) << shift, Some((index * 256 + width) << shift));
                let wrong = if (hashes.len() as u64) < width { Wrong::Drop } else { Wrong::Insert };
                Err(Stop::Wrong(Finding { wrong, from, to, file }))
            }
            tile => Ok(tile),
        }
    }

    /// Reads the head of an entry and keeps account of times.
    fn head<'e>(&mut self, entry: &'e [u8]) -> Option<read::Head<'e>> {
        let head = read::head(entry);
        let Some(known) = head else {
            self.report.unreadable += 1;
            return None;
        };
        let at = UnixMs(known.at);
        let (first, last) = self.report.span.unwrap_or((at, at));
        self.report.clock_steps_back += u64::from(at < last);
        self.report.span = Some((first, at));
        head
    }

    fn content(&mut self, head: read::Head<'_>, index: u64, wrong: Option<Wrong>) -> Result<(), Stop> {
        match wrong {
            Some(wrong) => self.account.gone(head.id, index, wrong)?,
            None if head.content.is_some() => self.account.present(),
            None => {}
        }
        if let Some(fields) = head.erasure {
            match read::erased(fields) {
                Some(ids) => ids.iter().for_each(|id| self.account.erase(id)),
                None => self.report.unreadable += 1,
            }
        }
        Ok(())
    }

    /// Grows the tree, and compares each subtree that is complete with its tile, and roots with what was signed.
    fn push(&mut self, leaf: Hash) -> Result<(), Stop> {
        let completed = &mut self.completed;
        self.tree.push(leaf, |level, root| completed.push((level, root)));
        if !self.completed.is_empty() {
            for (level, root) in std::mem::take(&mut self.completed) {
                self.compare(level, root)?;
            }
        }
        self.watches.meet(&self.tree)
    }

    /// Compares the root of the `256^level` entries that end here with its place in a tile, as far as tiles were published.
    fn compare(&mut self, level: u8, root: Hash) -> Result<(), Stop> {
        let shift = u32::from(level) * 8;
        let number = (self.tree.size >> shift) - 1;
        let published = self.published.size >> shift;
        if number >= published {
            return Ok(());
        }
        let (tile, place) = (number / 256, usize::try_from(number % 256).unwrap_or(usize::MAX));
        let name = read::path(&format!("tile/{level}"), tile, (published - tile * 256).min(256));
        let (from, to) = (number << shift, Some((number + 1) << shift));
        let cached = self.tiles.get(usize::from(level)).and_then(Option::as_ref);
        let known = cached.filter(|(index, hashes)| *index == tile && place < hashes.len());
        let wanted = match known {
            Some((_, hashes)) => hashes.get(place).copied(),
            None => {
                let hashes = self.tile(level, tile, (published - tile * 256).min(256))?;
                let Some(hashes) = hashes else {
                    return Err(Stop::Wrong(Finding { wrong: Wrong::Missing, from, to, file: name }));
                };
                self.report.tiles += 1;
                let wanted = hashes.get(place).copied();
                if let Some(cached) = self.tiles.get_mut(usize::from(level)) {
                    *cached = Some((tile, hashes));
                }
                wanted
            }
        };
        if wanted == Some(root) {
            Ok(())
        } else {
            Err(Stop::Wrong(Finding { wrong: Wrong::Flip, from, to, file: name }))
        }
    }

    fn finish(mut self, end: Result<(), Stop>, quorum: &Quorum) -> (Report, bool) {
        self.report.entries = self.tree.size;
        self.report.root = self.tree.root();
        self.report.checkpoints = self.watches.met;
        self.report.contents = self.account.present;
        self.report.erased = self.account.erased;
        match end {
            Err(Stop::Wrong(finding)) => self.report.finding = Some(finding),
            Err(Stop::CannotTell(reason)) => self.report.reason = Some(reason),
            Ok(()) => {
                self.report.finding = self.account.finish();
                witness::sort(&mut self.report.witnesses, quorum);
                self.report.reason = witness::missed(&self.report.witnesses, quorum);
                if self.report.unreadable > 0 {
                    let unreadable = self.report.unreadable;
                    self.report.reason =
                        Some(format!("{unreadable} entries are of a release that this one does not know"));
                }
            }
        }
        self.report.verdict = match (&self.report.finding, &self.report.reason) {
            (Some(_), _) => Conclusion::Tampered,
            (None, Some(_)) => Conclusion::CannotTell,
            (None, None) => Conclusion::Good,
        };
        let moved_on = self.report.verdict != Conclusion::Good && self.moved_on();
        (self.report, moved_on)
    }
}

/// The hashes of at most `count` entries of a bundle, and the bytes that follow.
fn leaves(bundle: &[u8], count: u64) -> (Vec<Hash>, usize) {
    let mut rest = bundle;
    let mut leaves = Vec::with_capacity(256);
    while (leaves.len() as u64) < count
        && let Some(entry) = read::next_entry(&mut rest)
    {
        leaves.push(leaf_hash(entry));
    }
    (leaves, rest.len())
}

/// Where leaves differ from those of a tile, and what was done, as far as can be seen.
fn difference(leaves: &[Hash], wanted: &[Hash]) -> Option<(u64, Wrong)> {
    let at = leaves.iter().zip(wanted).position(|(leaf, wanted)| leaf != wanted);
    let Some(at) = at else {
        return match leaves.len().cmp(&wanted.len()) {
            std::cmp::Ordering::Less => Some((leaves.len() as u64, Wrong::Truncate)),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some((wanted.len() as u64, Wrong::Insert)),
        };
    };
    let (here, there) = (leaves.get(at), wanted.get(at));
    let elsewhere =
        wanted.iter().skip(at + 1).position(|hash| Some(hash) == here).map(|after| at + 1 + after);
    let wrong = match elsewhere {
        Some(other) if leaves.get(other) == there => Wrong::Swap,
        Some(_) => Wrong::Drop,
        None if leaves.get(at + 1) == there => Wrong::Insert,
        None => Wrong::Flip,
    };
    Some((at as u64, wrong))
}
