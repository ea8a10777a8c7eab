//! Tables that fit the terminal: flexible columns give way first; where even that does not fit, each row becomes a record.
//!
//! Written here because it is short and because what no crate does by itself is the point: everything is escaped.

use super::text::{cut, visible, width, wrap};

/// How a value is meant, shown as a colour where there are colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Warning,
    Bad,
    Faint,
}

/// Whether colours are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    Shown,
    Off,
}

impl Tone {
    /// `text` between the SGR sequences of this tone (ECMA-48 section 8.3.117).
    pub fn paint(self, text: &str, colour: Colour) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Good => 32,
            Self::Warning => 33,
            Self::Bad => 31,
            Self::Faint => 2,
        };
        match colour {
            Colour::Shown => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colour::Off => text.to_owned(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// Never cut: what people copy.
    Whole(&'static str),
    /// Gives way.
    Flexible(&'static str),
    /// Never cut, aligned to the right.
    Number(&'static str),
}

impl Column {
    const fn head(self) -> &'static str {
        match self {
            Self::Whole(head) | Self::Flexible(head) | Self::Number(head) => head,
        }
    }
}

/// A value in a table. Escaped when it is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub fn toned(text: &str, tone: Tone) -> Self {
        Self { text: visible(text), tone }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(value: T) -> Self {
        Self::toned(&value.to_string(), Tone::Plain)
    }
}

/// Columns between two columns of a table.
const GAP: usize = 2;
/// A flexible column does not get narrower than this.
const LEAST: usize = 10;

pub struct Table {
    columns: Vec<Column>,
    rows: Vec<(Vec<Cell>, Vec<String>)>,
}

impl Table {
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push((cells.to_vec(), Vec::new()));
    }

    /// A line under the last row, below those it has.
    pub fn note(&mut self, text: &str) {
        if let Some((_, notes)) = self.rows.last_mut() {
            notes.push(visible(text));
        }
    }

    pub fn render(&self, most: usize, colour: Colour) -> String {
        match self.widths(most) {
            Some(widths) => self.as_table(&widths, most, colour),
            None => self.as_records(most, colour),
        }
    }

    /// The width of each column, or nothing if no table of `most` columns can hold the values that must stay whole.
    fn widths(&self, most: usize) -> Option<Vec<usize>> {
        let natural = |i: usize, column: &Column| {
            let cells = self.rows.iter().map(|(cells, _)| width(&cells[i].text));
            cells.chain([width(column.head())]).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(|(i, column)| natural(i, column)).collect();
        loop {
            let taken = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
            if taken <= most {
                return Some(widths);
            }
            let gives = |i: &usize| matches!(self.columns[*i], Column::Flexible(_)) && widths[*i] > LEAST;
            let widest = (0..widths.len()).filter(gives).max_by_key(|&i| widths[i])?;
            widths[widest] -= 1;
        }
    }

    fn as_table(&self, widths: &[usize], most: usize, colour: Colour) -> String {
        let heads: Vec<Cell> = self.columns.iter().map(|column| Cell::toned(column.head(), Tone::Faint)).collect();
        let mut out = self.line(&heads, widths, colour);
        for (cells, notes) in &self.rows {
            out.push_str(&self.line(cells, widths, colour));
            for line in notes.iter().flat_map(|note| wrap(note, most.saturating_sub(4))) {
                out.push_str(&format!("    {}\n", Tone::Faint.paint(&line, colour)));
            }
        }
        out
    }

    fn line(&self, cells: &[Cell], widths: &[usize], colour: Colour) -> String {
        let mut out = String::new();
        for ((cell, &most), column) in cells.iter().zip(widths).zip(&self.columns) {
            let text = cut(&cell.text, most);
            let padding = " ".repeat(most - width(&text));
            let painted = cell.tone.paint(&text, colour);
            let (before, after) =
                if matches!(column, Column::Number(_)) { (padding.as_str(), "") } else { ("", padding.as_str()) };
            out.push_str(&format!("{before}{painted}{after}{}", " ".repeat(GAP)));
        }
        format!("{}\n", out.trim_end())
    }

    fn as_records(&self, most: usize, colour: Colour) -> String {
        let label = self.columns.iter().map(|column| width(column.head())).max().unwrap_or(0);
        let mut out = String::new();
        for (i, (cells, notes)) in self.rows.iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            for (column, cell) in self.columns.iter().zip(cells) {
                let head = Tone::Faint.paint(&format!("{:label$}", column.head()), colour);
                let text = if matches!(column, Column::Flexible(_)) {
                    cut(&cell.text, most.saturating_sub(label + GAP))
                } else {
                    cell.text.clone()
                };
                out.push_str(&format!("{head}  {}\n", cell.tone.paint(&text, colour)));
            }
            for line in notes.iter().flat_map(|note| wrap(note, most)) {
                out.push_str(&format!("{}\n", Tone::Faint.paint(&line, colour)));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new(&[Column::Flexible("NAME"), Column::Whole("STATE"), Column::Number("SIZE"), Column::Whole("FILE")]);
        table.row([
            "customers-with-a-rather-long-name-2026-11.csv".into(),
            Cell::toned("held", Tone::Bad),
            "1.4 MiB".into(),
            "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        ]);
        table.note("column \"ssn\" is not in the approved inventory of EGR-2026-0042; drop it or ask for it with a new revision");
        table.row(["a\u{1b}[2J\nb".into(), "released".into(), "12 B".into(), "01890a5d-ac96-774b-bcce-b302099a8058".into()]);
        table
    }

    #[test]
    fn a_table_fits_eighty_columns_and_keeps_what_people_copy() {
        let shown = table().render(80, Colour::Off);
        assert!(shown.lines().all(|line| width(line) <= 80), "{shown}");
        assert!(shown.contains("01890a5d-ac96-774b-bcce-b302099a8057"));
        assert!(shown.contains('…'));
        assert!(shown.lines().all(|line| line == line.trim_end()));
    }

    #[test]
    fn a_terminal_too_narrow_for_a_table_gets_records() {
        let shown = table().render(45, Colour::Off);
        assert!(shown.contains("FILE   01890a5d-ac96-774b-bcce-b302099a8058"), "{shown}");
        assert!(shown.lines().all(|line| width(line) <= 45), "{shown}");
    }

    #[test]
    fn a_hostile_name_stays_in_its_cell() {
        for most in [40, 80, 200] {
            let shown = table().render(most, Colour::Off);
            assert!(!shown.contains('\u{1b}'), "{shown:?}");
        }
        assert!(table().render(200, Colour::Shown).contains("\u{1b}[31mheld\u{1b}[0m"));
        assert!(table().render(200, Colour::Shown).contains("a\\u{1b}[2J\\u{a}b"));
    }
}
