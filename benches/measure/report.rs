//! Lines, goals, and the exit code. The lines are Markdown, to be pasted as they are.

use std::process::ExitCode;

use super::options::Options;

/// What was measured, line by line.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) options: Options,
    missed: Vec<String>,
}

/// A line's goal, and whether it was met.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) text: String,
    pub(crate) is_met: bool,
}

impl Goal {
    /// Returns the goal that `value` is at most `bound`; `text` names both.
    pub(crate) fn at_most(text: &str, value: f64, bound: f64) -> Self {
        Self {
            text: format!("{text} ≤ {}", (bound * 100.0).round() / 100.0),
            is_met: value <= bound,
        }
    }

    /// Returns the goal that `value` is `expected`.
    pub(crate) fn exactly(text: &str, value: usize, expected: usize) -> Self {
        Self {
            text: format!("{text} = {expected}"),
            is_met: value == expected,
        }
    }
}

impl Report {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            missed: Vec::new(),
        }
    }

    /// Prints the head of a part with these columns, between the row's name and its goals, unless
    /// the part is not wanted.
    pub(crate) fn begins(&self, part: &str, columns: &[&str]) -> bool {
        let is_wanted = self.options.wants(part);
        if is_wanted {
            println!("\n| {part} | {} | goals | |", columns.join(" | "));
            println!("|---|{}---|---|", "---:|".repeat(columns.len()));
        }
        is_wanted
    }

    /// Prints a row.
    pub(crate) fn row(&mut self, name: &str, cells: &[String], goals: &[Goal]) {
        let texts: Vec<&str> = goals.iter().map(|goal| goal.text.as_str()).collect();
        let verdict = match goals {
            [] => "",
            _ if goals.iter().all(|goal| goal.is_met) => "PASS",
            _ => "FAIL",
        };
        println!(
            "| {name} | {} | {} | {verdict} |",
            cells.join(" | "),
            texts.join(", ")
        );
        let missed = goals.iter().filter(|goal| !goal.is_met);
        self.missed
            .extend(missed.map(|goal| format!("{name}: {}", goal.text)));
    }

    /// Prints the goals that were missed. They fail the process if it was told to check.
    pub(crate) fn finish(self) -> ExitCode {
        println!();
        for missed in &self.missed {
            println!("missed: {missed}");
        }
        match self.missed.is_empty() {
            true => println!("all goals met"),
            false if self.options.check => return ExitCode::FAILURE,
            false => {}
        }
        ExitCode::SUCCESS
    }
}
