//! The diagram as SVG: boxes from top to bottom, arrows between them, text and nothing else. A thousand pixels wide.

use super::{Diagram, Stop, visible};

const WIDTH: usize = 1_000;
const MARGIN: usize = 20;
/// From a box's edge, or an arrow, to its text.
const PAD: usize = 14;
const LINE: usize = 20;
/// Where the arrows run.
const ARROW: usize = 60;
/// A column of text: what a monospaced font of 13 pixels takes, and a little.
const COLUMN: usize = 8;
const COLUMNS: usize = (WIDTH - 2 * MARGIN - 2 * PAD) / COLUMN;
const ARROW_COLUMNS: usize = (WIDTH - MARGIN - ARROW - PAD) / COLUMN;

pub(super) fn draw(diagram: &Diagram) -> String {
    let mut page = Page { y: MARGIN, out: String::new() };
    for line in wrapped(&diagram.title, COLUMNS) {
        page.text(MARGIN, &line, " font-weight=\"bold\"");
    }
    page.text(MARGIN, &format!("revision {}", diagram.revision), "");
    page.y += PAD;
    for (i, stop) in diagram.stops.iter().enumerate() {
        page.stop(stop);
        if let Some(way) = diagram.ways.get(i) {
            page.way(way);
        }
    }
    let height = page.y + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         xml:space=\"preserve\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"13\" fill=\"#1a1a1a\">\n\
         <title>{}</title>\n<desc>revision {}</desc>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
        escaped(&diagram.title),
        diagram.revision,
        page.out
    )
}

struct Page {
    /// Where the next thing begins.
    y: usize,
    out: String,
}

impl Page {
    /// One line. `style` is ours: attributes, each after a space. What is set in is moved, since not every reader keeps spaces: a
    /// line that goes on must not pass for one of its own.
    fn text(&mut self, x: usize, line: &str, style: &str) {
        self.y += LINE;
        let said = line.trim_start_matches(' ');
        let x = x + (line.len() - said.len()) * COLUMN;
        self.out.push_str(&format!("<text x=\"{x}\" y=\"{}\"{style}>{}</text>\n", self.y - 6, escaped(said)));
    }

    fn stop(&mut self, stop: &Stop) {
        let lines: Vec<String> = stop.lines.iter().flat_map(|line| wrapped(line, COLUMNS)).collect();
        let height = (lines.len() + 1) * LINE + PAD;
        self.out.push_str(&format!(
            "<rect x=\"{MARGIN}\" y=\"{}\" width=\"{}\" height=\"{height}\" rx=\"6\" fill=\"#f2f5f9\" stroke=\"#44546a\"/>\n",
            self.y,
            WIDTH - 2 * MARGIN
        ));
        let top = self.y;
        self.y += PAD / 2;
        self.text(MARGIN + PAD, &stop.title, " font-weight=\"bold\"");
        for line in &lines {
            self.text(MARGIN + PAD, line, "");
        }
        self.y = top + height;
    }

    /// An arrow down to what comes next, and beside it what happens on the way.
    fn way(&mut self, way: &[String]) {
        let top = self.y;
        self.y += PAD;
        for line in way.iter().flat_map(|line| wrapped(line, ARROW_COLUMNS)) {
            self.text(ARROW + PAD, &line, "");
        }
        self.y += PAD;
        let (left, right, head, tip) = (ARROW - 6, ARROW + 6, self.y - 10, self.y);
        self.out.push_str(&format!(
            "<path d=\"M{ARROW} {top}V{head}\" stroke=\"#44546a\" stroke-width=\"2\"/>\n\
             <path d=\"M{left} {head}H{right}L{ARROW} {tip}Z\" fill=\"#44546a\"/>\n"
        ));
    }
}

/// Columns that a character takes, at most: whatever is not Latin, Greek or Cyrillic may take two.
fn columns(c: char) -> usize {
    if c < '\u{600}' { 1 } else { 2 }
}

/// `text` in lines of at most `most` columns; further ones are set in. Words longer than a line are cut, none is left out.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    const SET_IN: &str = "    ";
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in visible(text).split_inclusive(' ') {
        let needed: usize = word.trim_end().chars().map(columns).sum();
        if used + needed > most && used > SET_IN.len() {
            lines.push(std::mem::replace(&mut line, SET_IN.to_owned()));
            used = SET_IN.len();
        }
        for c in word.chars() {
            if used + columns(c) > most && c != ' ' {
                lines.push(std::mem::replace(&mut line, SET_IN.to_owned()));
                used = SET_IN.len();
            }
            line.push(c);
            used += columns(c);
        }
    }
    lines.push(line);
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Text as it stands between two tags, or in a quoted attribute (XML 1.0, section 2.4).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
