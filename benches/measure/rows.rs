//! Rounds of rows.

use std::time::Duration;

use super::allocations::{Allocations, Counter};
use super::cpu::thread_time;
use super::report::{Goal, Report};

/// Rows that are measured against one another.
pub(crate) struct Rows<'a> {
    counter: Counter,
    length: Duration,
    list: Vec<Row<'a>>,
}

/// One row: a closure that makes as many calls as it is told to.
pub(crate) struct Row<'a> {
    name: String,
    calls: Box<dyn FnMut(u64) + 'a>,
    base: Option<RowId>,
    bound: Option<f64>,
    more: Option<More>,
    is_free: bool,
    /// How many calls make a round.
    calls_per_round: u64,
    /// Nanoseconds per call, round by round.
    rounds: Vec<f64>,
}

/// A row, to be named as a base.
#[derive(Clone, Copy)]
pub(crate) struct RowId(usize);

impl<'a> Rows<'a> {
    pub(crate) const COLUMNS: &'static [&'static str] = &["ns per call", "ratio", "allocations"];

    pub(crate) fn new(counter: Counter) -> Self {
        Self {
            counter,
            length: Duration::from_millis(20),
            list: Vec::new(),
        }
    }

    /// Sets how long a row is measured in a round. The default is 20 ms.
    pub(crate) fn rounds_of(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// Adds a row, which others may take for their base.
    pub(crate) fn base(&mut self, name: &str, calls: impl FnMut(u64) + 'a) -> RowId {
        self.add(name, calls);
        RowId(self.list.len() - 1)
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, name: &str, calls: impl FnMut(u64) + 'a) -> &mut Row<'a> {
        let at = self.list.len();
        self.list.push(Row {
            name: name.to_owned(),
            calls: Box::new(calls),
            base: None,
            bound: None,
            more: None,
            is_free: false,
            calls_per_round: 1,
            rounds: Vec::new(),
        });
        &mut self.list[at]
    }

    /// Measures all rows, round by round, and reports them.
    pub(crate) fn measure(mut self, report: &mut Report) {
        let (rounds, length) = match report.options.quick {
            false => (21, self.length),
            true => (5, self.length / 10),
        };
        for row in &mut self.list {
            row.calibrate(length);
        }
        for _ in 0..rounds {
            for row in &mut self.list {
                row.round();
            }
        }
        for at in 0..self.list.len() {
            let allocations = self.list[at].allocations(self.counter);
            let row = &self.list[at];
            let ratio = row.base.map(|RowId(base)| row.ratio(&self.list[base]));
            let cells = [
                format!("{:.1}", median(&row.rounds)),
                ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                allocations.map_or_else(|| "not counted".to_owned(), shown),
            ];
            let mut goals = row.goals(ratio, allocations);
            if let (Some(more), Some(RowId(base))) = (row.more, row.base) {
                let counted = (allocations, self.list[base].allocations(self.counter));
                goals.extend(self.list[at].goals_above(&self.list[base], more, counted));
            }
            let row = &self.list[at];
            report.row(&row.name, &cells, &goals);
        }
    }
}

impl Row<'_> {
    /// Compares the row with another one.
    pub(crate) fn against(&mut self, base: RowId) -> &mut Self {
        self.base = Some(base);
        self
    }

    /// Sets how many times as long as its base the row may take.
    pub(crate) fn at_most(&mut self, bound: f64) -> &mut Self {
        self.bound = Some(bound);
        self
    }

    /// Sets how much more than its base the row may take: nanoseconds and allocations per call.
    pub(crate) fn at_most_above(&mut self, nanoseconds: f64, allocations: f64) -> &mut Self {
        self.more = Some(More {
            nanoseconds,
            allocations,
        });
        self
    }

    /// Says that the row must not allocate.
    pub(crate) fn without_allocations(&mut self) -> &mut Self {
        self.is_free = true;
        self
    }

    /// Finds how many calls make a round of `length`, which warms the row up as well.
    fn calibrate(&mut self, length: Duration) {
        loop {
            let taken = self.timed();
            if taken >= length / 4 || self.calls_per_round > 1 << 40 {
                let scale = length.as_secs_f64() / taken.as_secs_f64().max(1e-9);
                self.calls_per_round = (self.calls_per_round as f64 * scale).ceil() as u64;
                return;
            }
            self.calls_per_round *= 2;
        }
    }

    fn round(&mut self) {
        let taken = self.timed();
        self.rounds
            .push(taken.as_secs_f64() * 1e9 / self.calls_per_round as f64);
    }

    fn timed(&mut self) -> Duration {
        let start = thread_time();
        (self.calls)(self.calls_per_round);
        thread_time().saturating_sub(start)
    }

    /// What one call allocates: what a thousand do, less what none do.
    fn allocations(&mut self, counter: Counter) -> Option<Mean> {
        const CALLS: u64 = 1_000;
        let none = counter(&mut || (self.calls)(0))?;
        let some = counter(&mut || (self.calls)(CALLS))?;
        let Allocations { count, bytes, .. } = some;
        Some(Mean {
            count: count.saturating_sub(none.count) as f64 / CALLS as f64,
            bytes: bytes.saturating_sub(none.bytes) as f64 / CALLS as f64,
        })
    }

    /// The median of the rounds' ratios: each compares two neighbours in time.
    fn ratio(&self, base: &Self) -> f64 {
        let pairs = self.rounds.iter().zip(&base.rounds);
        median(&pairs.map(|(own, base)| own / base).collect::<Vec<_>>())
    }

    /// The median of the rounds' differences, for the same reason as `ratio`.
    fn goals_above(
        &self,
        base: &Self,
        more: More,
        counted: (Option<Mean>, Option<Mean>),
    ) -> Vec<Goal> {
        let pairs = self.rounds.iter().zip(&base.rounds);
        let above = median(&pairs.map(|(own, base)| own - base).collect::<Vec<_>>());
        let by_time = Goal::at_most(&format!("{above:+.0} ns"), above, more.nanoseconds);
        let by_memory = counted.0.zip(counted.1).map(|(own, base)| {
            let above = own.count - base.count;
            Goal::at_most(&format!("{above:+.1} allocations"), above, more.allocations)
        });
        [by_time].into_iter().chain(by_memory).collect()
    }

    fn goals(&self, ratio: Option<f64>, allocations: Option<Mean>) -> Vec<Goal> {
        let ratio = self.bound.zip(ratio);
        let by_time = ratio.map(|(bound, ratio)| Goal::at_most("ratio", ratio, bound));
        let by_memory = allocations.filter(|_| self.is_free).map(|mean| Goal {
            text: "no allocations".to_owned(),
            is_met: mean.count == 0.0,
        });
        by_time.into_iter().chain(by_memory).collect()
    }
}

/// What a row may cost beyond its base.
#[derive(Clone, Copy)]
struct More {
    nanoseconds: f64,
    allocations: f64,
}

/// What one call allocates.
#[derive(Clone, Copy)]
struct Mean {
    count: f64,
    bytes: f64,
}

fn shown(mean: Mean) -> String {
    match mean.count > 0.0 {
        true => format!("{:.0} ({:.0} bytes)", mean.count, mean.bytes),
        false => "0".to_owned(),
    }
}

/// Returns the middle of the values.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the value that `part` (0.0..=1.0) of the values do not exceed.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
