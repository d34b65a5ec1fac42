//! What is read: a file or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::progress::Progress;
use crate::exit::Advice;

/// Bytes that are asked for at a time.
const STEP_BYTES: usize = 1 << 16;

/// The file that was named, or standard input, read along by a progress bar.
pub(super) struct Input {
    name: String,
    reader: Box<dyn BufRead>,
    len: Option<u64>,
    progress: Progress,
}

impl Input {
    /// `None` and `-` are standard input.
    pub(super) fn open(path: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| path != Path::new("-")) else {
            let reader = Box::new(io::stdin().lock());
            return Ok(Self {
                name: "standard input".into(),
                reader,
                len: None,
                progress: Progress::of(None),
            });
        };
        let name = format!("`{}`", path.display());
        let file = File::open(&path).with_context(|| format!("opening {name}"))?;
        let about = file.metadata().with_context(|| format!("looking at {name}"))?;
        anyhow::ensure!(!about.is_dir(), "{name} is a directory");
        let len = about.is_file().then_some(about.len());
        let reader = Box::new(BufReader::with_capacity(STEP_BYTES, file));
        Ok(Self { name, reader, len, progress: Progress::of(len) })
    }

    /// All of it, if it is at most `max` bytes.
    pub(super) fn whole(&mut self, max: usize) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        if self.len.is_some_and(|len| len > max as u64) {
            return Err(self.too_large(max));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.len.map_or(0, |len| len as usize)));
        self.fill(&mut bytes, max.saturating_add(1))?;
        if bytes.len() > max { Err(self.too_large(max)) } else { Ok(bytes) }
    }

    /// Appends what comes until `bytes` holds `len`, or the end.
    pub(super) fn fill(&mut self, bytes: &mut Vec<u8>, len: usize) -> anyhow::Result<()> {
        while bytes.len() < len {
            let room = (len - bytes.len()).min(STEP_BYTES) as u64;
            let read = self.reader.by_ref().take(room).read_to_end(bytes);
            let read = read.with_context(|| format!("reading {}", self.name))?;
            if read == 0 {
                break;
            }
            self.progress.advance(read);
        }
        Ok(())
    }

    /// The next line without its end; `None` where there is none. A line longer than `max` is cut there.
    pub(super) fn line(&mut self, max: usize) -> anyhow::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut limited = self.reader.by_ref().take(max as u64 + 1);
        let read = limited.read_until(b'\n', &mut line).with_context(|| format!("reading {}", self.name))?;
        self.progress.advance(read);
        if line.ends_with(b"\n") {
            line.pop();
        }
        Ok((read > 0).then_some(line))
    }

    pub(super) fn too_large(&self, max: usize) -> anyhow::Error {
        let mend = "raise the bound (--max) if there is memory for it, or seal it in pieces (--chunked)";
        Advice::new(format!("{} is larger than {}", self.name, shown(max)), mend).into()
    }
}

/// A size as it would be given.
fn shown(bytes: usize) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes >= size && bytes.is_multiple_of(size) {
            return format!("{} {unit}", bytes / size);
        }
    }
    format!("{bytes} bytes")
}
