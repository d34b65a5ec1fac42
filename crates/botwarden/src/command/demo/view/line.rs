//! A line of text with colours, before anyone decides where it is shown.

use anstyle::{AnsiColor, Style};

/// What a piece of text is, rather than what colour it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Dim,
    Strong,
    /// Allowed.
    Good,
    /// Stopped: as it should be, so it is not an alarm.
    Stop,
    /// Gets through.
    Open,
    /// Not as it must be.
    Wrong,
}

impl Ink {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Dim => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Stop => AnsiColor::Red.on_default(),
            Self::Open => AnsiColor::Yellow.on_default(),
            Self::Wrong => AnsiColor::White.on(AnsiColor::Red).bold(),
        }
    }
}

/// Pieces of text, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(pub(super) Vec<(Ink, String)>);

impl Line {
    pub(super) fn of(ink: Ink, text: impl Into<String>) -> Self {
        Self(vec![(ink, text.into())])
    }

    #[must_use]
    pub(super) fn then(mut self, ink: Ink, text: impl Into<String>) -> Self {
        self.0.push((ink, text.into()));
        self
    }

    /// With escape sequences; whoever writes it takes them out where nobody would understand them.
    pub(super) fn styled(&self) -> String {
        let mut styled = String::new();
        for (ink, text) in &self.0 {
            let style = ink.style();
            styled += &format!("{style}{text}{style:#}");
        }
        styled.push('\n');
        styled
    }
}

/// `text` in exactly `width` columns: filled with spaces, or cut with `…`. Control characters are shown as `·`, so that
/// nobody's words can steer the terminal.
pub(super) fn fit(text: &str, width: usize) -> String {
    let mut fitted = cut(text, width);
    let columns = fitted.chars().count();
    fitted.extend(std::iter::repeat_n(' ', width.saturating_sub(columns)));
    fitted
}

/// The same without filling.
pub(super) fn cut(text: &str, width: usize) -> String {
    let plain = |c: char| if c.is_control() { '·' } else { c };
    if text.chars().count() <= width {
        return text.chars().map(plain).collect();
    }
    text.chars().map(plain).take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        for (name, text, want) in [
            ("short", "abc", "abc  "),
            ("exact", "abcde", "abcde"),
            ("long", "abcdefg", "abcd…"),
            ("not ASCII", "äöüéèñ", "äöüé…"),
            ("an escape sequence", "a\x1b[2J", "a·[2J"),
            ("empty", "", "     "),
        ] {
            assert_eq!(fit(text, 5), want, "{name}");
        }
        assert_eq!(cut("abc", 5), "abc");
    }
}
