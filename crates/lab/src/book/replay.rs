//! The replay: the book is taken over at the path's first prices, and every block of the path is applied.

use super::{Book, BookError, Path, PoolPlan};
use crate::museum::stage::{Member, Stage, TakenOver};
use clearing::event::{Event, Layer};
use serde::Serialize;
use std::collections::BTreeMap;

/// The layers of the waterfall, in its order.
const LAYERS: [(Layer, &str); 8] = [
    (Layer::OwnCapital, "own capital"),
    (Layer::Fund, "fund"),
    (Layer::Tranche, "tranche"),
    (Layer::Line, "line"),
    (Layer::AutoDeleveraging, "auto-deleveraging"),
    (Layer::GainsHaircut, "haircut of gains"),
    (Layer::MembersEquity, "members' equity"),
    (Layer::WindDown, "wind-down"),
];
/// Money of a maker over what it shows, and of the counterparty over what the book holds.
const AMPLE: f64 = 20.0;
/// The most blocks of a replay.
const MOST_BLOCKS: f64 = 1e6;
/// The most moments that are kept for plots.
const MOMENTS: usize = 2_000;

/// What became of an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountFate {
    /// Its name.
    pub name: String,
    /// Equity when it was taken over, USD.
    pub equity_usd: f64,
    /// Its margin requirements then, USD: initial and maintenance.
    pub initial_margin_usd: f64,
    /// See above.
    pub maintenance_margin_usd: f64,
    /// Whether it stood in breach at the first prices.
    pub in_breach_at_first: bool,
    /// Its lowest equity at the end of any block, USD.
    pub lowest_usd: f64,
    /// How often it began to be liquidated, and when first: seconds from the beginning.
    pub liquidations: u64,
    /// See above.
    pub first_liquidated_s: Option<f64>,
    /// Its largest asset by notional at the beginning, and that asset's mark when it was first liquidated, USD a unit.
    pub largest: Option<String>,
    /// See above.
    pub liquidated_at_usd: Option<f64>,
    /// Taken from it by auto-deleveraging, notional, USD.
    pub deleveraged_usd: f64,
    /// What it bore of others' losses, USD.
    pub borne_usd: f64,
    /// What others bore of its loss, USD.
    pub shortfall_usd: f64,
    /// Equity at the end, USD.
    pub end_usd: f64,
}

/// What is drawn.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Course {
    /// Minutes from the beginning.
    pub minutes: Vec<f64>,
    /// Each asset's index over its first, by symbol.
    pub prices: Vec<(String, Vec<f64>)>,
    /// The fund, USD.
    pub fund_usd: Vec<f64>,
    /// Everybody of the book together, USD.
    pub equity_usd: Vec<f64>,
    /// Accounts liquidated until then.
    pub liquidated: Vec<f64>,
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// Where prices were from.
    pub path: String,
    /// Its length, seconds, and how many blocks.
    pub seconds: f64,
    /// See above.
    pub blocks: u64,
    /// The fund at the beginning, at its lowest and at the end, USD.
    pub fund_usd: [f64; 3],
    /// What each layer of the waterfall bore, USD, in its order.
    pub losses_usd: Vec<(&'static str, f64)>,
    /// What members bore beyond the fund, USD: bad debt.
    pub bad_debt_usd: f64,
    /// Taken from winners by auto-deleveraging, notional, USD.
    pub deleveraged_usd: f64,
    /// Assets that the path does not name: they keep the pool's price.
    pub still: Vec<String>,
    /// Commands that the core refused, by name.
    pub refused: BTreeMap<String, u64>,
    /// Everybody.
    pub accounts: Vec<AccountFate>,
    /// For plots.
    #[serde(skip)]
    pub course: Course,
}

struct Running<'b> {
    stage: Stage,
    plan: &'b PoolPlan,
    makers: Vec<Member>,
    members: Vec<Member>,
    fates: Vec<AccountFate>,
    fund_low: f64,
    liquidated: u64,
    course: Course,
}

/// Replays a book; `done` is told the share of the path that has passed.
///
/// # Errors
/// If the book, the pool and the path do not fit each other.
pub fn replay(book: &Book, plan: &PoolPlan, path: &Path, done: &dyn Fn(f64)) -> Result<Replayed, BookError> {
    let path = &path.for_pool(plan)?;
    let plan = &starting(plan, path);
    let mut running = Running::begin(book, plan)?;
    let fund = running.stage.fund_usd();
    let steps = steps(path, plan)?;
    let every = steps.len().div_ceil(MOMENTS).max(1);
    let mut before = 0.0;
    for (at, (second, prices)) in steps.iter().enumerate() {
        running.block(path, second - before, prices, *second);
        before = *second;
        if at % every == 0 || at + 1 == steps.len() {
            running.keep(second / 60.0);
            done(*second / path.length_s());
        }
    }
    Ok(running.end(path, fund, steps.len() as u64))
}

/// The pool as it stands when the path begins.
fn starting(plan: &PoolPlan, path: &Path) -> PoolPlan {
    let mut plan = plan.clone();
    for (symbol, price) in path.symbols.iter().zip(&path.points[0].1) {
        let asset = plan.asset.iter_mut().find(|asset| asset.symbol == *symbol);
        asset.expect("the path was fitted to the pool").price_usd = *price;
    }
    plan
}

/// The path's moments, whole seconds apart, with others on a straight line where they are further apart than a block may be long.
fn steps(path: &Path, plan: &PoolPlan) -> Result<Vec<(f64, Vec<f64>)>, BookError> {
    let longest = f64::from(plan.market.block_s);
    let blocks = path.length_s() / longest + path.points.len() as f64;
    if blocks > MOST_BLOCKS {
        return Err(BookError::Misfit(format!("found a path of {blocks:.0} blocks, allowed: at most {MOST_BLOCKS}")));
    }
    let mut steps: Vec<(f64, Vec<f64>)> = Vec::new();
    let mut last = 0.0;
    for pair in path.points.windows(2) {
        let [(from, before), (to, after)] = pair else { continue };
        let parts = ((to - from) / longest).ceil().max(1.0) as usize;
        for part in 1..=parts {
            let share = part as f64 / parts as f64;
            let second = (from + (to - from) * share).floor();
            let between = before.iter().zip(after).map(|(low, high)| low + (high - low) * share);
            if second > last {
                last = second;
                steps.push((second, between.collect()));
            } else if let Some(step) = steps.last_mut() {
                step.1 = between.collect();
            }
        }
    }
    Ok(steps)
}

impl<'b> Running<'b> {
    fn begin(book: &Book, plan: &'b PoolPlan) -> Result<Self, BookError> {
        let mut stage = Stage::try_with_rules(&plan.rules, &plan.asset, plan.capital).map_err(BookError::Misfit)?;
        let mut join = |name: &str, usd: f64| {
            let joined = stage.try_join(name, usd);
            joined.map_err(|refused| BookError::Misfit(format!("{name} with {usd:.0} USD: {refused}")))
        };
        let depth = |asset: &crate::museum::stage::Asset| asset.depth_usd_1pct * plan.market.depth_share;
        let maker = |asset: &crate::museum::stage::Asset| (format!("{} maker", asset.symbol), depth(asset) * AMPLE);
        let makers: Vec<(String, f64)> = plan.asset.iter().map(maker).collect();
        let makers = makers.iter().map(|(name, usd)| join(name, *usd)).collect::<Result<_, _>>()?;
        let notional = |own: &super::Holding| {
            own.positions.iter().map(|position| (position.units * position.entry_usd).abs()).sum::<f64>()
        };
        let whole: f64 = book.accounts.iter().map(notional).sum();
        let counterparty = join("everybody else", (whole * AMPLE).clamp(1e6, 1e10))?;
        if plan.market.bidder_usd > 0.0 {
            let bidder = join("bidder", plan.market.bidder_usd * AMPLE)?;
            stage.bid(bidder, plan.market.bidder_premium, plan.market.bidder_usd);
        }
        stage.pass(1);
        let taken: Vec<TakenOver> = book.accounts.iter().map(taken_over).collect();
        let members = stage.take_over(&taken, counterparty).map_err(BookError::Misfit)?;
        let fates = book.accounts.iter().zip(&members).map(|(own, member)| fate(&stage, own, *member)).collect();
        let fund_low = stage.fund_usd();
        let mut running =
            Self { stage, plan, makers, members, fates, fund_low, liquidated: 0, course: Course::default() };
        running.keep(0.0);
        Ok(running)
    }

    fn block(&mut self, path: &Path, seconds: f64, prices: &[f64], second: f64) {
        for (asset, maker) in self.plan.asset.iter().zip(&self.makers) {
            let column = path.symbols.iter().position(|symbol| *symbol == asset.symbol);
            let price = column.map_or(asset.price_usd, |column| prices[column]);
            self.stage.say(&asset.symbol, price);
            let depth = asset.depth_usd_1pct * self.plan.market.depth_share;
            if depth > 0.0 && asset.perpetual {
                self.stage.quote(*maker, &asset.symbol, price, asset.half_spread, depth);
            }
        }
        self.stage.pass((seconds as i64).max(1));
        self.count(second);
        self.fund_low = self.fund_low.min(self.stage.fund_usd());
        for (fate, member) in self.fates.iter_mut().zip(&self.members) {
            fate.end_usd = self.stage.account(*member).equity_usd;
            fate.lowest_usd = fate.lowest_usd.min(fate.end_usd);
        }
    }

    /// What happened in the block, to whom.
    fn count(&mut self, second: f64) {
        let first = self.members.first().copied();
        let place = |member: Member| first.and_then(|first| member.places_after(first));
        for event in self.stage.events().to_vec() {
            match event {
                Event::AccountLiquidated { account, .. } => {
                    let Some(at) = self.stage.member(account).and_then(place) else { continue };
                    self.liquidated += u64::from(self.fates[at].liquidations == 0);
                    self.fates[at].liquidations += 1;
                    if self.fates[at].first_liquidated_s.is_none() {
                        self.fates[at].first_liquidated_s = Some(second);
                        let mark = self.fates[at].largest.as_ref().map(|symbol| self.stage.mark(symbol));
                        self.fates[at].liquidated_at_usd = mark;
                    }
                }
                Event::AutoDeleveraged { account, quantity, price, .. } => {
                    let Some(at) = self.stage.member(account).and_then(place) else { continue };
                    self.fates[at].deleveraged_usd += crate::drill::convert::usd((price * quantity).abs());
                }
                Event::LossAllocated { defaulter, amount, bearer, .. } => {
                    let amount = crate::drill::convert::usd(amount);
                    if let Some(at) = self.stage.member(defaulter).and_then(place) {
                        self.fates[at].shortfall_usd += amount;
                    }
                    if let Some(at) = bearer.and_then(|bearer| self.stage.member(bearer)).and_then(place) {
                        self.fates[at].borne_usd += amount;
                    }
                }
                _ => (),
            }
        }
    }

    fn keep(&mut self, minute: f64) {
        let course = &mut self.course;
        if course.prices.is_empty() {
            course.prices = self.plan.asset.iter().map(|asset| (asset.symbol.clone(), Vec::new())).collect();
        }
        course.minutes.push(minute);
        for ((symbol, line), asset) in course.prices.iter_mut().zip(&self.plan.asset) {
            line.push(self.stage.index(symbol) / asset.price_usd);
        }
        course.fund_usd.push(self.stage.fund_usd());
        course.equity_usd.push(self.fates.iter().map(|fate| fate.end_usd).sum());
        course.liquidated.push(self.liquidated as f64);
    }

    fn end(self, path: &Path, fund: f64, blocks: u64) -> Replayed {
        let losses: Vec<(&'static str, f64)> =
            LAYERS.iter().map(|(layer, name)| (*name, self.stage.loss_of(*layer))).collect();
        let still = self.plan.asset.iter().filter(|asset| !path.symbols.contains(&asset.symbol));
        Replayed {
            path: path.source.clone(),
            seconds: path.length_s(),
            blocks,
            fund_usd: [fund, self.fund_low, self.stage.fund_usd()],
            bad_debt_usd: losses.iter().skip(2).map(|(_, lost)| lost).sum(),
            deleveraged_usd: self.fates.iter().map(|fate| fate.deleveraged_usd).sum(),
            losses_usd: losses,
            still: still.map(|asset| asset.symbol.clone()).collect(),
            refused: self.stage.held(&[], 0.0).refused,
            accounts: self.fates,
            course: self.course,
        }
    }
}

fn taken_over(own: &super::Holding) -> TakenOver {
    let position = |position: &super::OpenPosition| (position.symbol.clone(), position.units, position.entry_usd);
    TakenOver {
        name: own.name.clone(),
        cash_usd: own.cash_usd,
        positions: own.positions.iter().map(position).collect(),
        collateral: own.collateral.clone(),
    }
}

fn fate(stage: &Stage, own: &super::Holding, member: Member) -> AccountFate {
    let needs = stage.needs(member);
    let equity_usd = stage.account(member).equity_usd;
    let worth = |position: &&super::OpenPosition| (position.units * stage.mark(&position.symbol)).abs();
    let largest = own.positions.iter().max_by(|one, other| worth(one).total_cmp(&worth(other)));
    AccountFate {
        name: own.name.clone(),
        equity_usd,
        initial_margin_usd: needs.initial_usd,
        maintenance_margin_usd: needs.maintenance_usd,
        in_breach_at_first: needs.breaches,
        lowest_usd: equity_usd,
        liquidations: 0,
        first_liquidated_s: None,
        largest: largest.map(|position| position.symbol.clone()),
        liquidated_at_usd: None,
        deleveraged_usd: 0.0,
        borne_usd: 0.0,
        shortfall_usd: 0.0,
        end_usd: equity_usd,
    }
}
