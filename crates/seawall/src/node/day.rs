//! The recorded day as the simulated market lives it: which second it is, what each venue had printed by then, how deep its books were.
//!
//! After its last second the day leads back to where it began, and begins again. The way back is made up: every venue goes in a straight
//! line to the price of the beginning. It is there because a jump of that size would be one that nobody ever traded.

use lab::plan::Plan;
use lab::population::Liquidity;
use lab::tape::{Tape, VenueTape};

/// A venue that has not traded for this long says nothing. One that is open shows quotes even without trades.
const SILENT_AFTER_S: usize = 1_800;
/// How long the way back takes, seconds.
const WAY_BACK_S: usize = 1_800;

/// The recorded day.
pub(super) struct Day {
    pub(super) tape: Tape,
    liquidity: Liquidity,
    /// The second of the recording at which it begins.
    from: usize,
}

/// What a venue says of its price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Print {
    pub(super) usd: f64,
    /// How many seconds old the trade is.
    pub(super) age_s: usize,
}

/// How deep a book is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Depth {
    /// A share of the price.
    pub(super) half_spread: f64,
    /// Of what is shown in calm: 1, less when the recorded book was emptier.
    pub(super) share: f64,
}

enum Moment {
    Recorded(usize),
    /// How much of the way back is done, 0 to 1.
    Back(f64),
}

impl Day {
    /// A day that begins at a second of its recording.
    pub(super) fn new(plan: &Plan, tape: Tape, from: usize) -> Self {
        let liquidity = Liquidity::new(plan, &tape);
        let from = from.min(tape.seconds.saturating_sub(1));
        Self { tape, liquidity, from }
    }

    /// How many times the day has begun again.
    pub(super) fn lap(&self, elapsed_s: usize) -> usize {
        elapsed_s / self.length()
    }

    /// What a venue says so many seconds after the beginning; none while it is silent.
    pub(super) fn print(&self, venue: &VenueTape, elapsed_s: usize) -> Option<Print> {
        match self.moment(elapsed_s) {
            Moment::Recorded(second) => last_print(venue, second),
            Moment::Back(done) => {
                let (end, start) = (last_print(venue, self.tape.seconds - 1)?, last_print(venue, self.from)?);
                Some(Print { usd: end.usd + (start.usd - end.usd) * done, age_s: 0 })
            }
        }
    }

    /// The median of what venues say, USD a unit.
    pub(super) fn price(&self, symbol: &str, elapsed_s: usize) -> Option<f64> {
        let venues = self.tape.asset(symbol)?.venues.iter();
        let mut prices: Vec<f64> = venues.filter_map(|venue| Some(self.print(venue, elapsed_s)?.usd)).collect();
        prices.sort_by(f64::total_cmp);
        prices.get(prices.len() / 2).copied()
    }

    /// How deep the book of a symbol is, against one that shows so much within 1 % in calm.
    pub(super) fn depth(&self, symbol: &str, calm_usd_1pct: f64, elapsed_s: usize) -> Option<Depth> {
        let second = match self.moment(elapsed_s) {
            Moment::Recorded(second) => second,
            Moment::Back(_) => self.from,
        };
        let quote = self.liquidity.quote(symbol, second)?;
        Some(Depth { half_spread: quote.half_spread, share: quote.bid_usd_1pct / calm_usd_1pct })
    }

    fn length(&self) -> usize {
        self.tape.seconds - self.from + WAY_BACK_S
    }

    fn moment(&self, elapsed_s: usize) -> Moment {
        let second = self.from + elapsed_s % self.length();
        match second.checked_sub(self.tape.seconds) {
            None => Moment::Recorded(second),
            Some(back) => Moment::Back((back + 1) as f64 / WAY_BACK_S as f64),
        }
    }
}

fn last_print(venue: &VenueTape, second: usize) -> Option<Print> {
    let last = venue.last_print_at(second).filter(|last| last.age_s <= SILENT_AFTER_S)?;
    Some(Print { usd: last.price, age_s: last.age_s })
}

#[cfg(test)]
mod tests {
    use super::{Day, WAY_BACK_S};
    use lab::catalogue::Exhibit;
    use lab::tape::Tape;

    fn day(from: usize) -> Day {
        let exhibit = Exhibit::find("october-2025").expect("it is carried");
        let plan = exhibit.plan().expect("it is valid");
        let recording = exhibit.recording(&plan, None).expect("it is carried too");
        Day::new(&plan, Tape::new(&recording, 1), from)
    }

    #[test]
    fn the_way_back_has_no_jump_and_ends_where_the_day_begins() {
        let day = day(3_000);
        let length = day.length();
        let prices: Vec<f64> = (0..=length).filter_map(|second| day.price("BTC", second)).collect();
        assert_eq!(prices.len(), length + 1, "there is a price in every second");
        assert_eq!((day.lap(length - 1), day.lap(length)), (0, 1));
        assert_eq!(prices.first(), prices.last());
        let back = &prices[length - WAY_BACK_S - 1..];
        let largest = back.windows(2).map(|pair| (pair[1] / pair[0] - 1.0).abs()).fold(0.0, f64::max);
        assert!(largest < 0.0005, "found {largest}");
    }

    #[test]
    fn books_are_emptier_in_the_crash_than_before_it() {
        let day = day(3_000);
        let at = |second| day.depth("BTC", 7_000_000.0, second).expect("a depth");
        let thinnest = (0..3_600).map(|second| at(second).share).fold(1.0, f64::min);
        assert!(at(0).share > 0.3 && thinnest < 0.2, "found {:?}, then {thinnest}", at(0));
        assert!((0..3_600).any(|second| at(second).half_spread > 5.0 * at(0).half_spread));
    }
}
