//! Records in columns.

/// A table for a terminal: one line of headings, one line for each record.
pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

/// Between two columns.
const GAP: usize = 2;

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with these headings and nothing below them.
    pub(crate) fn new(headings: [&str; COLUMNS]) -> Self {
        Self { rows: vec![headings.map(str::to_owned)] }
    }

    /// One more record.
    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    /// The lines, each column as wide as its widest cell and no line with spaces at its end.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(self.widths()) {
                line += cell;
                line.extend(std::iter::repeat_n(' ', width + GAP - cell.chars().count()));
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> impl Iterator<Item = usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(move |row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..COLUMNS).map(width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["ID", "BOT", "LABEL"]);
        table.row(["k".into(), "shop".into(), String::new()]);
        table.row(["key_1".into(), "s".into(), "märz".into()]);
        assert_eq!(table.to_text(), "ID     BOT   LABEL\nk      shop\nkey_1  s     märz\n");
    }
}
