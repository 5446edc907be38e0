//! The one table: each ratio with its target, and whether it was reached.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// What a ratio must be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Printed for comparison, never judged.
    None,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Row {
    /// Letter of the measurement.
    pub part: &'static str,
    pub what: String,
    /// What was measured, with its unit.
    pub subject: String,
    /// What it is compared with.
    pub reference: String,
    pub ratio: f64,
    pub goal: Goal,
}

impl Goal {
    /// False when a ratio misses it.
    pub fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
            Self::None => true,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {least:.2}"),
            Self::AtMost(most) => format!("≤ {most:.2}"),
            Self::None => "–".into(),
        }
    }

    fn verdict(self, ratio: f64) -> &'static str {
        match (self, self.holds(ratio)) {
            (Self::None, _) => "",
            (_, true) => "pass",
            (_, false) => "FAIL",
        }
    }
}

/// The same requests at three sizes.
#[derive(Clone, Debug)]
pub struct Growth {
    pub what: String,
    /// How many resources each answer finds, at every size.
    pub found: Option<u64>,
    /// p50 at each size, microseconds.
    pub micros: [f64; 3],
    /// From the first size to the last.
    pub ratio: f64,
    pub goal: Goal,
}

/// Lines with the same sizes.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Letter of the measurement.
    pub part: &'static str,
    /// What there is so many of.
    pub of: &'static str,
    pub each: [u64; 3],
    pub lines: Vec<Growth>,
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// The median of the ratios of values measured next to each other in time.
pub fn ratio(subject: &[f64], reference: &[f64]) -> f64 {
    let ratios: Vec<f64> =
        subject.iter().zip(reference).map(|(subject, reference)| subject / reference).collect();
    median(&ratios)
}

/// The table as text.
pub fn print(rows: &[Row]) -> String {
    let head = ["", "measurement", "Muster", "reference", "ratio", "goal", ""].map(str::to_owned);
    let mut cells = vec![head.to_vec()];
    for row in rows {
        let (part, ratio) = (row.part.to_owned(), format!("{:.3}", row.ratio));
        let (what, subject, reference) = (row.what.clone(), row.subject.clone(), row.reference.clone());
        let (goal, verdict) = (row.goal.text(), row.goal.verdict(row.ratio).to_owned());
        cells.push(vec![part, what, subject, reference, ratio, goal, verdict]);
    }
    aligned(&cells, 2..=5)
}

/// The table of growth as text.
pub fn print_growth(table: &Sizes) -> String {
    let [few, some, many] = table.each.map(|size| format!("{size} {}", table.of));
    let what = "measurement, p50".to_owned();
    let [found, growth, goal] = ["found", "growth", "goal"].map(str::to_owned);
    let mut cells = vec![vec![String::new(), what, found, few, some, many, growth, goal, String::new()]];
    for line in &table.lines {
        let mut row = vec![table.part.to_owned(), line.what.clone()];
        row.push(line.found.map_or_else(|| "–".into(), |found| found.to_string()));
        row.extend(line.micros.map(|micros| format!("{micros:.0} µs")));
        row.extend([format!("{:.3}", line.ratio), line.goal.text(), line.goal.verdict(line.ratio).into()]);
        cells.push(row);
    }
    aligned(&cells, 2..=7)
}

/// Text on the left; the columns of `numbers` on the right. The first row is the head.
fn aligned(cells: &[Vec<String>], numbers: RangeInclusive<usize>) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (at, row) in cells.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let gap = widths[column] - cell.chars().count();
            let (before, after) = if numbers.contains(&column) { (gap, 0) } else { (0, gap) };
            let _ = write!(line, "{}{cell}{}  ", " ".repeat(before), " ".repeat(after));
        }
        text.push_str(line.trim_end());
        text.push('\n');
        if at == 0 {
            text.push_str(&"─".repeat(widths.iter().sum::<usize>() + 2 * columns - 2));
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ratio: f64, goal: Goal) -> Row {
        let text = String::new;
        Row { part: "a", what: text(), subject: text(), reference: text(), ratio, goal }
    }

    #[test]
    fn a_goal_is_held_or_missed() {
        assert!(Goal::AtLeast(0.5).holds(0.5) && !Goal::AtLeast(0.5).holds(0.49));
        assert!(Goal::AtMost(1.5).holds(1.5) && !Goal::AtMost(1.5).holds(1.51));
        assert!(Goal::None.holds(f64::NAN));
        assert!(!Goal::AtLeast(0.1).holds(f64::NAN), "nothing measured is nothing reached");
    }

    #[test]
    fn medians_are_of_neighbours() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[1.0, 2.0]) - 1.5).abs() < 1e-9);
        // The machine was three times slower in the second round; the ratio does not see it.
        assert!((ratio(&[30.0, 10.0, 31.0], &[60.0, 20.0, 62.0]) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn the_table_says_what_failed() {
        let text = print(&[row(0.4, Goal::AtLeast(0.5)), row(1.0, Goal::AtMost(1.5))]);
        assert!(text.contains("FAIL") && text.contains("pass") && text.contains("≤ 1.50"), "{text}");
    }

    #[test]
    fn growth_has_a_column_for_each_size() {
        let line = Growth {
            what: "get".into(),
            found: Some(1),
            micros: [10.0, 11.0, 20.0],
            ratio: 2.0,
            goal: Goal::AtMost(1.5),
        };
        let text = print_growth(&Sizes { part: "i", of: "users", each: [1, 10, 100], lines: vec![line] });
        assert!(text.contains("100 users") && text.contains("20 µs") && text.contains("FAIL"), "{text}");
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert!(widths[2] <= widths[1], "the head spans the lines: {text}");
    }
}
