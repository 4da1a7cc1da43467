//! Decides which of the core's records a checked document means, at today's prices or with one feed moved.

use clearing::parameters::{InstrumentParameters, NamedRow, Tier};
use clearing::rows::{self, Matrices, Rows, Scenario};
use clearing::state::{Condition, Correlation, Feed, Pool, Position, Stress};
use clearing::table::{FeedId, Id, InstrumentId, Table};
use clearing::units::{MAX_QUANTITY, Money, PPM, Price, Quantity, Ratio, Time, scaled_floor};

use super::document::MatrixSheet;
use super::resting;

/// A document whose every number is an integer count of the core's units.
pub(super) struct Market {
    pub(super) title: Option<String>,
    /// Whether the default set of R5.2 counts besides the document's rows.
    pub(super) default_set: bool,
    pub(super) target_buffer: Ratio,
    pub(super) maintenance_share: Ratio,
    pub(super) stressed_correlation: Ratio,
    pub(super) feeds: Vec<FeedLine>,
    pub(super) correlations: Vec<(FeedId, FeedId, Ratio)>,
    pub(super) instruments: Vec<InstrumentLine>,
    pub(super) rows: Vec<RowLine>,
    pub(super) cash: Money,
    /// By instrument, none of them zero.
    pub(super) positions: Vec<Position>,
}

/// A feed on a grid of ticks, so fine as the lot allows: a tick is a whole number of quanta a lot, and every price of
/// the feed is a whole number of ticks. Nothing is rounded when a price moves by ticks.
pub(super) struct FeedLine {
    pub(super) name: String,
    /// The price in ticks.
    pub(super) ticks: i64,
    /// The tick in USD is ten to this power.
    pub(super) tick_place: i32,
    /// Quanta a lot in one tick.
    pub(super) step: i64,
    pub(super) slow_ticks: i64,
    pub(super) confidence_ticks: i64,
    pub(super) condition: Condition,
    /// Maintenance and initial stress, where the default set needs them.
    pub(super) stress: Option<(Ratio, Ratio)>,
}

pub(super) struct InstrumentLine {
    pub(super) name: String,
    /// All but the exit costs, which depend on the mark where their bounds are in USD.
    pub(super) parameters: InstrumentParameters,
    pub(super) lot: super::decimal::Decimal,
    pub(super) mark: Price,
    pub(super) exit_cost: Vec<TierLine>,
    pub(super) initial_exit_cost: Vec<TierLine>,
}

pub(super) struct TierLine {
    pub(super) from: Bound,
    pub(super) rate: Ratio,
}

#[derive(Clone, Copy)]
pub(super) enum Bound {
    Lots(Quantity),
    Notional(Money),
}

pub(super) struct RowLine {
    pub(super) name: String,
    pub(super) matrix: MatrixSheet,
    pub(super) moves: Vec<(FeedId, Ratio)>,
    pub(super) prices: Vec<(InstrumentId, Price)>,
    pub(super) weight: Ratio,
}

/// Which of the core's matrices rows are taken for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matrix {
    Maintenance,
    Target,
    Initial,
}

impl TierLine {
    /// A bound in USD begins at the last whole lot inside it: never later than the document says.
    pub(super) fn at(&self, mark: Price) -> Tier {
        let from = match self.from {
            Bound::Lots(lots) => lots,
            Bound::Notional(money) if money.is_zero() => Quantity::ZERO,
            Bound::Notional(money) if !mark.is_zero() => money.lots_floor(mark.abs()),
            Bound::Notional(_) => Quantity::new(MAX_QUANTITY),
        };
        Tier { from, rate: self.rate }
    }
}

impl InstrumentLine {
    pub(super) fn parameters_at(&self, mark: Price) -> InstrumentParameters {
        InstrumentParameters {
            exit_cost: self.exit_cost.iter().map(|tier| tier.at(mark)).collect(),
            initial_exit_cost: self.initial_exit_cost.iter().map(|tier| tier.at(mark)).collect(),
            ..self.parameters.clone()
        }
    }
}

impl Market {
    /// The pool at today's prices.
    pub(super) fn pool(&self) -> Pool {
        self.pool_where(|feed| self.feeds[feed.position()].ticks)
    }

    /// The pool with one feed at another price; basis and premium of its instruments move in proportion, explicit prices
    /// of rows stay.
    pub(super) fn pool_with(&self, moved: FeedId, ticks: i64) -> Pool {
        self.pool_where(|feed| if feed == moved { ticks } else { self.feeds[feed.position()].ticks })
    }

    fn pool_where(&self, ticks: impl Fn(FeedId) -> i64) -> Pool {
        let mut pool = resting::pool();
        pool.parameters.target_buffer = self.target_buffer;
        pool.parameters.maintenance_share = self.maintenance_share;
        pool.parameters.stressed_correlation = self.stressed_correlation;
        pool.parameters.named_rows =
            self.rows.iter().map(|row| NamedRow { name: row.name.clone(), moves: row.moves.clone() }).collect();
        for (one, other, seen) in &self.correlations {
            let pair = ((*one).min(*other), (*one).max(*other));
            pool.correlations.insert(pair, Correlation { short: *seen, long: *seen });
        }
        let feeds: Table<FeedId, Feed> =
            self.feeds.iter().enumerate().map(|(at, feed)| feed.at(ticks(id(at)))).collect();
        for line in &self.instruments {
            let own = line.parameters.feed;
            let feed = &self.feeds[own.position()];
            let mark = moved_mark(line.mark, feed, ticks(own));
            let mut instrument = resting::instrument(line.name.clone(), line.parameters_at(mark), mark);
            if matches!(line.parameters.kind, clearing::parameters::Kind::Perpetual) {
                // R3.4: what the book adds to a perpetual's index is a premium, which the core doubts.
                instrument.premium = mark - feeds[own].index;
            }
            pool.instruments.push(instrument);
            if let Some((maintenance, initial)) = feed.stress {
                pool.stresses.insert(own, stress(maintenance, initial));
            }
        }
        pool.matrices = self.matrices(&pool, &feeds);
        pool
    }

    /// The core builds every row; here the rows that the document does not want are left out, and its weights and
    /// explicit prices are put in. R5.7
    fn matrices(&self, pool: &Pool, feeds: &Table<FeedId, Feed>) -> Matrices {
        let built = rows::build(pool, feeds, Time::ZERO);
        Matrices {
            maintenance: self.chosen(&built, &built.maintenance, Matrix::Maintenance),
            target: self.chosen(&built, &built.target, Matrix::Target),
            initial: self.chosen(&built, &built.initial, Matrix::Initial),
            ..built
        }
    }

    fn chosen(&self, built: &Matrices, rows: &Rows, matrix: Matrix) -> Rows {
        let kept: Vec<usize> = (0..rows.len()).filter(|at| self.keeps(rows.scenarios[*at], matrix)).collect();
        let mut scenarios: Vec<Scenario> = kept.iter().map(|at| rows.scenarios[*at]).collect();
        let price = |instrument: InstrumentId, at: usize| {
            self.weighted(rows.scenarios[at], instrument, built.mark(instrument), rows.column(instrument)[at])
        };
        let ids = (0..rows.columns.len()).map(|at| InstrumentId::at(at).expect("the number of instruments is bounded"));
        let mut columns: Vec<Vec<Price>> =
            ids.map(|instrument| kept.iter().map(|at| price(instrument, *at)).collect()).collect();
        if kept.is_empty() {
            // The core takes a matrix without rows for an account without positions, so every matrix has today's row.
            scenarios.push(Scenario::Unshocked);
            columns.iter_mut().zip(&built.today).for_each(|(column, mark)| column.push(*mark));
        }
        Rows { scenarios, columns }
    }

    fn keeps(&self, scenario: Scenario, matrix: Matrix) -> bool {
        let Scenario::Named(at) = scenario else { return self.default_set || scenario == Scenario::Unshocked };
        match self.rows[usize::from(at)].matrix {
            MatrixSheet::Maintenance => matrix == Matrix::Maintenance,
            MatrixSheet::Initial => matrix == Matrix::Initial,
            MatrixSheet::Both => matrix != Matrix::Target,
        }
    }

    fn weighted(&self, scenario: Scenario, instrument: InstrumentId, mark: Price, shocked: Price) -> Price {
        let Scenario::Named(at) = scenario else { return shocked };
        let row = &self.rows[usize::from(at)];
        if let Some((_, price)) = row.prices.iter().find(|(priced, _)| *priced == instrument) {
            return *price;
        }
        let weight = u64::try_from(row.weight.get()).expect("a weight is not negative");
        mark.towards_floor(shocked, weight, PPM.unsigned_abs())
    }

    /// What a row is called.
    pub(super) fn name_of(&self, scenario: Scenario) -> String {
        scenario.called(
            |feed| &self.feeds[feed.position()].name,
            |asset| &self.instruments[asset.position()].name,
            |row| &self.rows[usize::from(row)].name,
        )
    }
}

impl FeedLine {
    fn at(&self, ticks: i64) -> Feed {
        let quanta = |ticks: i64| Price::new(ticks * self.step);
        Feed {
            confidence: quanta(self.confidence_ticks),
            slow: quanta(self.slow_ticks),
            condition: self.condition,
            ..resting::feed(self.name.clone(), quanta(ticks))
        }
    }
}

/// The mark when its feed has moved: in proportion, rounded down where there is a basis or premium, else exact.
fn moved_mark(mark: Price, feed: &FeedLine, ticks: i64) -> Price {
    if ticks == feed.ticks || feed.ticks == 0 {
        return mark;
    }
    let sign = i128::from(feed.ticks.signum());
    let whole = i128::from(feed.ticks) * sign;
    let moved = scaled_floor(i128::from(mark.get()), i128::from(ticks) * sign, whole);
    Price::new(i64::try_from(moved).expect("a bounded price times five fits"))
}

fn stress(maintenance: Ratio, initial: Ratio) -> Stress {
    Stress { raw: initial, buffered: initial, initial, maintenance, moved_at: Time::ZERO }
}

fn id(at: usize) -> FeedId {
    FeedId::at(at).expect("the number of feeds is bounded")
}
