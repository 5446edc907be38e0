//! The one table: each ratio with its target, and whether it was reached.

use std::fmt::Write as _;

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

impl Row {
    /// False when the goal is missed.
    pub fn holds(&self) -> bool {
        match self.goal {
            Goal::AtLeast(least) => self.ratio >= least,
            Goal::AtMost(most) => self.ratio <= most,
            Goal::None => true,
        }
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::AtLeast(least) => format!("≥ {least:.2}"),
            Goal::AtMost(most) => format!("≤ {most:.2}"),
            Goal::None => "–".into(),
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.goal, self.holds()) {
            (Goal::None, _) => "",
            (_, true) => "pass",
            (_, false) => "FAIL",
        }
    }
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
    let mut cells = vec![["", "measurement", "Muster", "reference", "ratio", "goal", ""].map(str::to_owned)];
    for row in rows {
        let (part, verdict) = (row.part.to_owned(), row.verdict().to_owned());
        let (what, subject, reference) = (row.what.clone(), row.subject.clone(), row.reference.clone());
        cells.push([part, what, subject, reference, format!("{:.3}", row.ratio), row.goal(), verdict]);
    }
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut text = String::new();
    for (at, row) in cells.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let gap = widths[column] - cell.chars().count();
            // Text on the left, numbers on the right.
            let (before, after) = if matches!(column, 2..=5) { (gap, 0) } else { (0, gap) };
            let _ = write!(line, "{}{cell}{}  ", " ".repeat(before), " ".repeat(after));
        }
        text.push_str(line.trim_end());
        text.push('\n');
        if at == 0 {
            text.push_str(&"─".repeat(widths.iter().sum::<usize>() + 12));
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
        assert!(row(0.5, Goal::AtLeast(0.5)).holds() && !row(0.49, Goal::AtLeast(0.5)).holds());
        assert!(row(1.5, Goal::AtMost(1.5)).holds() && !row(1.51, Goal::AtMost(1.5)).holds());
        assert!(row(f64::NAN, Goal::None).holds());
        assert!(!row(f64::NAN, Goal::AtLeast(0.1)).holds(), "nothing measured is nothing reached");
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
}
