//! What changed between two texts, line by line.

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// In both.
    Same(String),
    /// In the first alone.
    Gone(String),
    /// In the second alone.
    New(String),
    /// Lines in both that are left out.
    Skipped(usize),
}

/// Lines around a change that are shown.
const AROUND: usize = 2;
/// Lines of the middle of both texts that are compared each with each. Above it, all of them count as changed.
const LINES_MAX: usize = 2000;

/// How `before` becomes `after`, with a few lines around each change. Empty if they are the same.
pub fn difference(before: &str, after: &str) -> Vec<Line> {
    if before == after {
        return Vec::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, rest) = old.split_at_checked(old.len() - tail).unwrap_or_default();
    let new = new.get(..new.len() - tail).unwrap_or_default();
    let same = |line: &&str| Line::Same((*line).to_owned());
    let mut lines: Vec<Line> = before.lines().take(head).map(|line| same(&line)).collect();
    compare(old, new, &mut lines);
    lines.extend(rest.iter().map(same));
    shorten(lines)
}

/// The longest common subsequence decides. O(old × new), both bounded.
fn compare(old: &[&str], new: &[&str], lines: &mut Vec<Line>) {
    let gone = |line: &&str| Line::Gone((*line).to_owned());
    let come = |line: &&str| Line::New((*line).to_owned());
    if old.len() > LINES_MAX || new.len() > LINES_MAX {
        lines.extend(old.iter().map(gone));
        lines.extend(new.iter().map(come));
        return;
    }
    let width = new.len() + 1;
    let mut longest = vec![0_u16; (old.len() + 1) * width];
    let at = |longest: &[u16], i: usize, j: usize| longest.get(i * width + j).copied().unwrap_or(0);
    for (i, one) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            let value = if one == other {
                at(&longest, i + 1, j + 1) + 1
            } else {
                at(&longest, i + 1, j).max(at(&longest, i, j + 1))
            };
            if let Some(cell) = longest.get_mut(i * width + j) {
                *cell = value;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (Some(one), Some(other)) if one == other => {
                lines.push(Line::Same((*one).to_owned()));
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), other) if other.is_none() || at(&longest, i + 1, j) >= at(&longest, i, j + 1) => {
                lines.push(gone(one));
                i += 1;
            }
            (_, Some(other)) => {
                lines.push(come(other));
                j += 1;
            }
            _ => return,
        }
    }
}

fn shorten(lines: Vec<Line>) -> Vec<Line> {
    let near = |at: usize| {
        let around = lines.get(at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len()));
        around.unwrap_or_default().iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let kept: Vec<bool> = (0..lines.len()).map(near).collect();
    let mut out = Vec::new();
    let mut skipped = 0;
    for (line, kept) in lines.into_iter().zip(kept) {
        if kept {
            if skipped > 0 {
                out.push(Line::Skipped(std::mem::take(&mut skipped)));
            }
            out.push(line);
        } else {
            skipped += 1;
        }
    }
    if skipped > 0 {
        out.push(Line::Skipped(skipped));
    }
    out
}
