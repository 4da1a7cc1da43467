//! What a client saw of a node.

use crate::failure::Failure;
use crate::output;
use hdrhistogram::Histogram;
use protocol::answers::AnswerView;
use protocol::shapes::{BlockView, Status};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Counts and times.
#[derive(Debug)]
pub(super) struct Measured {
    /// Commands that were handed to senders.
    pub(super) sent: u64,
    /// Whether the drill ended before its end.
    pub(super) cut_short: bool,
    answered: u64,
    outcomes: BTreeMap<String, u64>,
    set_up: BTreeMap<String, u64>,
    drill_blocks: u64,
    /// From sending to the answer, microseconds.
    from_sending: Histogram<u64>,
    /// From when it should have been sent: what a sender that fell behind would hide.
    from_schedule: Histogram<u64>,
    begun: Instant,
    took: Duration,
    node: Option<Node>,
}

/// What the node says of itself.
#[derive(Debug)]
struct Node {
    height: u64,
    interval_ms: u64,
    /// Median, 99 % and longest of the last 1,000.
    block_ms: [f64; 3],
    largest_block: usize,
}

impl Default for Measured {
    fn default() -> Self {
        // From a microsecond to ten minutes, three digits.
        let times = || Histogram::new_with_bounds(1, 600_000_000, 3).expect("bounds that a histogram takes");
        Self {
            sent: 0,
            cut_short: false,
            answered: 0,
            outcomes: BTreeMap::new(),
            set_up: BTreeMap::new(),
            drill_blocks: 0,
            from_sending: times(),
            from_schedule: times(),
            begun: Instant::now(),
            took: Duration::ZERO,
            node: None,
        }
    }
}

/// What became of a command, in a few words.
fn outcome(answer: &AnswerView) -> String {
    answer.name.as_ref().map_or_else(|| answer.status.clone(), |name| format!("{}: {name}", answer.status))
}

fn ms(times: &Histogram<u64>, share: f64) -> f64 {
    times.value_at_quantile(share) as f64 / 1e3
}

impl Measured {
    /// An answer of the set-up.
    pub(super) fn set_up(&mut self, answer: &AnswerView) {
        *self.set_up.entry(outcome(answer)).or_default() += 1;
    }

    /// What the node refused of the set-up, in words.
    pub(super) fn not_set_up(&self) -> Option<String> {
        let not_taken = self.set_up.iter().filter(|(outcome, _)| *outcome != "executed");
        let told: Vec<String> =
            not_taken.map(|(outcome, count)| format!("{outcome} {}", output::count(*count))).collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// The set-up is done.
    pub(super) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// A block of the drill is sent.
    pub(super) fn block(&mut self) {
        self.drill_blocks += 1;
    }

    /// An answer, and how long it took.
    pub(super) fn answer(&mut self, answer: &AnswerView, sending: Duration, schedule: Duration) {
        self.answered += 1;
        *self.outcomes.entry(outcome(answer)).or_default() += 1;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.from_sending.saturating_record(micros(sending));
        self.from_schedule.saturating_record(micros(schedule));
    }

    /// Takes in what a sender saw.
    pub(super) fn merge(&mut self, other: Self) {
        self.answered += other.answered;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.from_sending.add(&other.from_sending).expect("the same bounds");
        self.from_schedule.add(&other.from_schedule).expect("the same bounds");
    }

    /// Everything has been answered.
    pub(super) fn end(&mut self) {
        self.took = self.begun.elapsed();
    }

    /// What the node says of itself.
    pub(super) fn node(&mut self, status: &Status, blocks: &[BlockView]) {
        let times = &status.block_ms;
        self.node = Some(Node {
            height: status.height,
            interval_ms: status.block_interval_ms,
            block_ms: [times.p50, times.p99, times.max],
            largest_block: blocks.iter().map(|block| block.commands).max().unwrap_or(0),
        });
    }

    fn a_second(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64().max(1e-9)
    }

    /// Tables, or JSON.
    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json { output::print_json(&self.json()) } else { output::print(&self.text()) }
    }

    fn json(&self) -> serde_json::Value {
        let times = |times: &Histogram<u64>| {
            serde_json::json!({
                "p50": ms(times, 0.5), "p99": ms(times, 0.99), "p99_9": ms(times, 0.999),
                "max": times.max() as f64 / 1e3,
            })
        };
        let node = self.node.as_ref().map(|node| {
            let [p50, p99, max] = node.block_ms;
            serde_json::json!({
                "height": node.height, "block_interval_ms": node.interval_ms, "largest_block": node.largest_block,
                "block_ms": { "p50": p50, "p99": p99, "max": max },
            })
        });
        serde_json::json!({
            "sent": self.sent, "answered": self.answered, "seconds": self.took.as_secs_f64(),
            "commands_per_second": self.a_second(), "drill_blocks": self.drill_blocks, "cut_short": self.cut_short,
            "acknowledged_ms": times(&self.from_sending),
            "acknowledged_from_schedule_ms": times(&self.from_schedule),
            "outcomes": self.outcomes, "set_up": self.set_up, "node": node,
        })
    }

    fn text(&self) -> String {
        let mut table = output::table(&["sent to the node", ""]);
        table.add_row(["seconds of the drill".to_owned(), output::count(self.drill_blocks)]);
        table.add_row(["commands answered".to_owned(), output::count(self.answered)]);
        table.add_row(["in".to_owned(), format!("{:.1} s", self.took.as_secs_f64())]);
        table.add_row(["commands a second".to_owned(), output::count(self.a_second() as u64)]);
        for (outcome, count) in &self.outcomes {
            table.add_row([format!("  {outcome}"), output::count(*count)]);
        }
        output::align_right(&mut table, 1..=1);
        let mut latency = output::table(&["until acknowledged, ms", "median", "99 %", "99.9 %", "longest"]);
        for (what, times) in [("from sending", &self.from_sending), ("from schedule", &self.from_schedule)] {
            let cell = |share: f64| format!("{:.1}", ms(times, share));
            latency.add_row([what.to_owned(), cell(0.5), cell(0.99), cell(0.999), cell(1.0)]);
        }
        output::align_right(&mut latency, 1..=4);
        let mut text = format!("{table}\n\n{latency}\n");
        if let Some(node) = &self.node {
            text += &format!("\n{}\n", node.table());
        }
        text + "\nAcknowledged means applied, written durably and published: the node answers nothing before.\n"
    }
}

impl Node {
    fn table(&self) -> comfy_table::Table {
        let [p50, p99, max] = self.block_ms;
        let mut table = output::table(&["the node", "", "99 %", "longest"]);
        let blank = || String::new();
        table.add_row(["blocks".to_owned(), output::count(self.height), blank(), blank()]);
        table.add_row(["a block waits, ms".to_owned(), self.interval_ms.to_string(), blank(), blank()]);
        let cell = |ms: f64| format!("{ms:.1}");
        table.add_row(["to apply and write one, ms (last 1,000)".to_owned(), cell(p50), cell(p99), cell(max)]);
        let largest = output::count(self.largest_block as u64);
        table.add_row(["commands of the largest (last 1,000)".to_owned(), largest, blank(), blank()]);
        output::align_right(&mut table, 1..=3);
        table
    }
}
