//! From the first entry to the last.

use botwarden_types::UnixMs;

use super::content::{self, Account};
use super::journal::{self, Batch, Journal};
use super::read::{self, Claim, NoClaim};
use super::tree::Frontier;
use super::{Conclusion, Finding, Report, Stop, Wrong};
use crate::c2sp::NoteKey;
use crate::port::Files;
use crate::tree::{Hash, leaf_hash};

/// A signed root that the tree must have when it has grown to a size.
struct Watch {
    claim: Claim,
    /// What is wrong if it has not, and from which entry on it may be.
    wrong: Wrong,
    from: u64,
    file: String,
    /// Whether it is one of the checkpoints that are counted.
    signed: bool,
    /// Whether somebody else kept it.
    kept: bool,
}

pub(super) struct Walk<'a> {
    files: &'a dyn Files,
    key: &'a NoteKey,
    tree: Frontier,
    /// What is to come; few.
    watches: Vec<Watch>,
    /// Size of the next of them.
    next_watch: u64,
    /// Size at which everything was last known to be as this log's key signed it.
    good: u64,
    /// Size at which everything was last known to be as somebody else saw it.
    kept: u64,
    published: Claim,
    /// The tile at hand of each level from 1 on.
    tiles: Vec<Option<(u64, Vec<Hash>)>>,
    /// Roots that were completed by the last leaf.
    completed: Vec<(u8, Hash)>,
    account: Account,
    report: Report,
}

impl<'a> Walk<'a> {
    pub(super) fn over(files: &'a dyn Files, key: &'a NoteKey, kept: &[&[u8]]) -> Report {
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
            span: None,
            clock_steps_back: 0,
        };
        let published = Claim { size: 0, root: Hash::default() };
        let mut walk = Self {
            files,
            key,
            tree: Frontier::default(),
            watches: Vec::new(),
            next_watch: u64::MAX,
            good: 0,
            kept: 0,
            published,
            tiles: vec![None; 8],
            completed: Vec::new(),
            account: Account::default(),
            report,
        };
        let end = walk.run(kept);
        walk.finish(end)
    }

    fn run(&mut self, kept: &[&[u8]]) -> Result<(), Stop> {
        self.published = self.read_published()?;
        for note in kept {
            let claim = read::claim(note, self.key)
                .map_err(|_| Stop::CannotTell("a kept checkpoint is not one of this log's key".to_owned()))?;
            let file = "a kept checkpoint".to_owned();
            self.watch(Watch { claim, wrong: Wrong::Fork, from: 0, file, signed: true, kept: true });
        }
        let (claim, file) = (self.published, "checkpoint".to_owned());
        self.watch(Watch { claim, wrong: Wrong::Fork, from: 0, file, signed: true, kept: false });
        self.meet_watches()?;
        let whole = self.published.size / 256;
        let mut journal = Journal::open(self.files, whole * 256)?;
        let start = journal.start().filter(|start| *start <= whole * 256);
        if start.is_none() && (journal.start().is_some() || !self.published.size.is_multiple_of(256)) {
            let (from, to) = (whole * 256, Some(journal.start().unwrap_or(self.published.size)));
            return Err(Stop::Wrong(Finding { wrong: Wrong::Missing, from, to, file: "journal".to_owned() }));
        }
        let mut batch = self.next_batch(&mut journal)?;
        for number in 0..whole {
            // Batches that are in bundles already still say what the root was.
            while batch
                .as_ref()
                .is_some_and(|batch| batch.end <= number * 256 + 256 && batch.end <= whole * 256)
            {
                batch = self.next_batch(&mut journal)?;
            }
            self.bundle(number)?;
        }
        self.tail(batch, &mut journal)?;
        self.report.torn_bytes = journal.torn_bytes;
        self.expect_nothing_more()
    }

    fn read_published(&mut self) -> Result<Claim, Stop> {
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

    /// The next batch of the journal, with its root to be met.
    fn next_batch(&mut self, journal: &mut Journal<'_>) -> Result<Option<Batch>, Stop> {
        let batch = journal.next()?;
        for (size, root) in std::mem::take(&mut journal.heads) {
            let file = format!("journal/{size:020}");
            let claim = Claim { size, root };
            self.watch(Watch {
                claim,
                wrong: Wrong::Flip,
                from: self.tree.size,
                file,
                signed: false,
                kept: false,
            });
        }
        if let Some(batch) = &batch {
            let claim = journal::claim(batch, self.key)?;
            let watch = Watch {
                claim,
                wrong: Wrong::Flip,
                from: batch.first,
                file: batch.file.clone(),
                signed: true,
                kept: false,
            };
            self.watch(watch);
        }
        self.meet_watches()?;
        Ok(batch)
    }

    fn watch(&mut self, watch: Watch) {
        self.next_watch = self.next_watch.min(watch.claim.size);
        self.watches.push(watch);
    }

    /// Compares the root with what was signed at this size.
    fn meet_watches(&mut self) -> Result<(), Stop> {
        if self.tree.size < self.next_watch {
            return Ok(());
        }
        let (size, root) = (self.tree.size, self.tree.root());
        for watch in &self.watches {
            if watch.claim.size == size && watch.claim.root != root {
                // Who holds the key can sign a second history; only what others kept bounds where it begins.
                let from = if watch.wrong == Wrong::Fork { self.kept } else { self.good.max(watch.from) };
                let to = Some(size.max(from + 1));
                return Err(Stop::Wrong(Finding { wrong: watch.wrong, from, to, file: watch.file.clone() }));
            }
        }
        let met = self.watches.iter().filter(|watch| watch.claim.size == size && watch.signed).count() as u64;
        self.report.checkpoints += met;
        self.good = if met > 0 { size } else { self.good };
        if self.watches.iter().any(|watch| watch.claim.size == size && watch.kept) {
            self.kept = size;
        }
        self.watches.retain(|watch| watch.claim.size > size);
        self.next_watch = self.watches.iter().map(|watch| watch.claim.size).min().unwrap_or(u64::MAX);
        Ok(())
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
        let wanted = read::tile(self.files, &of_hashes)?.ok_or_else(|| missing(&of_hashes))?;
        let mut leaves = Vec::with_capacity(256);
        let mut rest = bytes.as_slice();
        while let Some(entry) = read::next_entry(&mut rest) {
            leaves.push(leaf_hash(entry));
        }
        if let Some((at, wrong)) =
            difference(&leaves, &wanted).or((!rest.is_empty()).then_some((256, Wrong::Insert)))
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
    fn tail(&mut self, first: Option<Batch>, journal: &mut Journal<'_>) -> Result<(), Stop> {
        let partial = self.partial()?;
        let mut next = first;
        while let Some(batch) = next {
            let mut contents = batch.contents();
            let mut rest = batch.entries();
            let mut index = batch.first;
            let mut which = 0;
            while let Some(entry) = read::next_entry(&mut rest) {
                let content = journal::split_content(contents).filter(|(of, _, _)| *of == which);
                contents = content.map_or(contents, |(_, _, after)| after);
                if index == self.tree.size {
                    self.tail_entry(entry, content.map(|(_, content, _)| content), &partial, &batch)?;
                }
                index += 1;
                which += 1;
            }
            if !contents.is_empty() {
                let (from, to) = (batch.first, Some(batch.end));
                return Err(Stop::Wrong(Finding {
                    wrong: Wrong::ContentChanged,
                    from,
                    to,
                    file: batch.file,
                }));
            }
            next = self.next_batch(journal)?;
        }
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
            let file = batch.file.clone();
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

    /// The partial tiles of the published checkpoint: entries against hashes, and the edge of each level.
    fn partial(&mut self) -> Result<Vec<Hash>, Stop> {
        let (whole, width) = (self.published.size / 256, self.published.size % 256);
        if width == 0 {
            return Ok(Vec::new());
        }
        let (name, of_hashes) =
            (read::path("tile/entries", whole, width), read::path("tile/0", whole, width));
        let (from, to) = (whole * 256, Some(self.published.size));
        let missing =
            |file: &str| Stop::Wrong(Finding { wrong: Wrong::Missing, from, to, file: file.to_owned() });
        let mut bytes = Vec::new();
        if !read::bundle(self.files, &name, &mut bytes)? {
            return Err(missing(&name));
        }
        let wanted = read::tile(self.files, &of_hashes)?.ok_or_else(|| missing(&of_hashes))?;
        let mut rest = bytes.as_slice();
        let mut leaves = Vec::new();
        while let Some(entry) = read::next_entry(&mut rest) {
            leaves.push(leaf_hash(entry));
        }
        let short = (wanted.len() as u64 != width || !rest.is_empty()).then_some((0, Wrong::Flip));
        if let Some((at, wrong)) = difference(&leaves, &wanted).or(short) {
            let from = whole * 256 + at;
            return Err(Stop::Wrong(Finding { wrong, from, to: Some(from + 1), file: name }));
        }
        self.report.tiles += 2;
        Ok(wanted)
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
        self.meet_watches()
    }

    /// Compares the root of the `256^level` entries that end here with its place in a tile, as far as tiles were published.
    fn compare(&mut self, level: u8, root: Hash) -> Result<(), Stop> {
        let shift = u32::from(level) * 8;
        let number = (self.tree.size >> shift) - 1;
        let published = self.published.size >> shift;
        let Some(cached) = self.tiles.get_mut(usize::from(level)).filter(|_| number < published) else {
            return Ok(());
        };
        let (tile, place) = (number / 256, number % 256);
        let name = read::path(&format!("tile/{level}"), tile, (published - tile * 256).min(256));
        let (from, to) = (number << shift, Some((number + 1) << shift));
        if cached.as_ref().is_none_or(|(index, _)| *index != tile) {
            let Some(hashes) = read::tile(self.files, &name)? else {
                return Err(Stop::Wrong(Finding { wrong: Wrong::Missing, from, to, file: name }));
            };
            self.report.tiles += 1;
            *cached = Some((tile, hashes));
        }
        let wanted = cached.as_ref().and_then(|(_, hashes)| hashes.get(usize::try_from(place).ok()?));
        if wanted == Some(&root) {
            Ok(())
        } else {
            Err(Stop::Wrong(Finding { wrong: Wrong::Flip, from, to, file: name }))
        }
    }

    /// A checkpoint over more entries than there are: the end is gone.
    fn expect_nothing_more(&self) -> Result<(), Stop> {
        match self.watches.iter().max_by_key(|watch| watch.claim.size) {
            None => Ok(()),
            Some(Watch { claim, file, .. }) => Err(Stop::Wrong(Finding {
                wrong: Wrong::Truncate,
                from: self.tree.size,
                to: Some(claim.size),
                file: file.clone(),
            })),
        }
    }

    fn finish(mut self, end: Result<(), Stop>) -> Report {
        self.report.entries = self.tree.size;
        self.report.root = self.tree.root();
        self.report.contents = self.account.present;
        self.report.erased = self.account.erased;
        match end {
            Err(Stop::Wrong(finding)) => self.report.finding = Some(finding),
            Err(Stop::CannotTell(reason)) => self.report.reason = Some(reason),
            Ok(()) => {
                self.report.finding = self.account.finish();
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
        self.report
    }
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
