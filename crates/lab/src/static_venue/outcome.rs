//! Decides what is counted in a run of the venue of the day, and which single cases a report tells.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::population::{Population, Style};
use crate::tape::Tape;

use super::account::Account;

/// Cases of one kind that a report gets at most.
const CASES_PER_KIND: usize = 5;

/// The result of a run. Money is USD.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StaticOutcome {
    /// Always `static`.
    pub rules: String,
    /// Seed of the run.
    pub seed: u64,
    /// Traders and makers.
    pub accounts: usize,
    /// Seconds replayed.
    pub seconds: usize,
    /// Times an account fell below maintenance; an account can recover and fall again.
    pub breaches: usize,
    /// Accounts that keepers acted on.
    pub liquidated_accounts: usize,
    /// Of those: sound under the venue's own rates at the honest median, every second from 10 s before to 10 s after.
    pub wrongful_liquidations: usize,
    /// Notional of the wrongfully liquidated accounts when it happened.
    pub wrongful_notional_usd: f64,
    /// Seconds from a breach to the first attempt.
    pub liquidation_latency: Latency,
    /// Seconds from a breach until the account was sound again, closed or taken over, of those that keepers acted on.
    pub resolution_latency: Latency,
    /// Notional that keepers sold or the house took over.
    pub forced_notional_usd: f64,
    /// Share of it that was long, 0 to 1.
    pub forced_long_share: f64,
    /// The fund at the venue's own marks.
    pub fund: FundOutcome,
    /// Auto-deleveraging.
    pub adl: AdlOutcome,
    /// Loss beyond the defaulters' own collateral and the fund: what winners paid for, and what nobody paid.
    pub bad_debt_usd: f64,
    /// The part of it that nobody paid.
    pub uncovered_usd: f64,
    /// Sum of negative equity of accounts at the moment the house took them over.
    pub deficits_usd: f64,
    /// Accounts taken over with negative equity.
    pub bankrupt_accounts: usize,
    /// Accounts still waiting for a keeper at the end.
    pub unfinished_accounts: usize,
    /// Who bore the loss: `fund`, `auto_deleveraging` (without overshoot), `uncovered`.
    pub loss_by_layer: BTreeMap<String, f64>,
    /// Pools that lost money through the one shared fund or through auto-deleveraging.
    pub pools_touched: Vec<String>,
    /// One entry a minute.
    pub minutes: Vec<Minute>,
    /// Whether the books balanced.
    pub conservation: Conservation,
    /// Cases to read.
    pub reasons: Vec<Reason>,
}

/// How long something took after a breach, over all liquidations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Half of the liquidations are at most this late.
    pub p50_s: usize,
    /// 99 in 100 are at most this late.
    pub p99_s: usize,
    /// The latest.
    pub max_s: usize,
}

/// The fund, USD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct FundOutcome {
    /// At the start.
    pub start: f64,
    /// At its lowest.
    pub low: f64,
    /// At the end.
    pub end: f64,
    /// Liquidation fees received.
    pub fees: f64,
}

/// Auto-deleveraging.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct AdlOutcome {
    /// Different accounts closed.
    pub accounts: usize,
    /// Of those, hedged and basis traders: the leg that offset the rest of their book was taken.
    pub hedged_accounts: usize,
    /// Notional closed, USD.
    pub notional_usd: f64,
    /// Gains taken, USD.
    pub taken_usd: f64,
    /// Gains taken beyond the deficit that they were taken for, USD.
    pub overshoot_usd: f64,
}

/// The state at the end of a minute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Minute {
    /// Unix milliseconds.
    pub time_ms: i64,
    /// `21:15:59`.
    pub time_utc: String,
    /// The venue's own mark of each symbol.
    pub own_mark: BTreeMap<String, f64>,
    /// Median of the honest venues.
    pub honest_median: BTreeMap<String, f64>,
    /// Accounts first acted on in this minute.
    pub liquidations: usize,
    /// Positions auto-deleveraged in this minute.
    pub deleveraged: usize,
    /// Accounts waiting.
    pub queue_length: usize,
    /// The fund at the venue's own marks, USD.
    pub fund_usd: f64,
    /// Losses so far that nobody paid, USD.
    pub uncovered_usd: f64,
}

/// Whether cash, positions and collateral summed to what they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Conservation {
    /// Times checked.
    pub checked: usize,
    /// Times a sum was off by more than rounding.
    pub violations: usize,
    /// Largest difference of cash, USD.
    pub largest_cash_error_usd: f64,
}

/// A case that a report tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// `wrongful`, `late`, `bankrupt` or `deleveraged`.
    pub kind: String,
    /// Index of the account: traders first, then makers.
    pub account: usize,
    /// Pool of the account.
    pub pool: String,
    /// `21:15:59`.
    pub time_utc: String,
    /// The symbol at issue.
    pub symbol: String,
    /// The venue's own mark.
    pub own_price: f64,
    /// Median of the honest venues at that second.
    pub honest_price: f64,
    /// USD at issue; cases of a kind are sorted by it (`late`: notional).
    pub usd: f64,
    /// What happened, in a sentence.
    pub text: String,
}

/// One position closed by auto-deleveraging.
pub(super) struct Deleveraging {
    pub(super) account: usize,
    pub(super) pool: usize,
    pub(super) second: usize,
    pub(super) notional_usd: f64,
    pub(super) taken_usd: f64,
    pub(super) overshoot_usd: f64,
    pub(super) leaves_other_legs: bool,
    pub(super) symbol: String,
    pub(super) own_mark: f64,
    pub(super) honest_median: f64,
}

/// A case before it has a sentence around it. The gap is symbol, own mark, honest median.
struct Case {
    kind: &'static str,
    account: usize,
    pool: usize,
    second: usize,
    gap: (String, f64, f64),
    usd: f64,
    rank: f64,
    detail: String,
}

/// What remains when the last second is over.
pub(super) struct End {
    pub(super) fund_usd: f64,
    pub(super) uncovered: f64,
    pub(super) unfinished: usize,
}

/// Everything that is counted while a run goes on.
pub(super) struct Records {
    pub(super) breaches: usize,
    pub(super) resolutions: Vec<usize>,
    forced_notional_usd: f64,
    forced_long_usd: f64,
    pub(super) fees_usd: f64,
    pub(super) fund_low_usd: f64,
    pub(super) beyond_fund_usd: f64,
    pub(super) liquidations_this_minute: usize,
    pub(super) deleveraged_this_minute: usize,
    pub(super) minutes: Vec<Minute>,
    fund_start_usd: f64,
    latencies: Vec<usize>,
    liquidated: BTreeSet<usize>,
    wrongful: BTreeMap<usize, f64>,
    bankrupt: usize,
    deficits_usd: f64,
    deleveraged: BTreeSet<usize>,
    adl: AdlOutcome,
    touched: Vec<bool>,
    conservation: Conservation,
    cases: Vec<Case>,
}

impl Records {
    pub(super) fn new(fund_start_usd: f64, pools: usize) -> Self {
        Self {
            breaches: 0,
            resolutions: Vec::new(),
            forced_notional_usd: 0.0,
            forced_long_usd: 0.0,
            fees_usd: 0.0,
            fund_low_usd: fund_start_usd,
            beyond_fund_usd: 0.0,
            liquidations_this_minute: 0,
            deleveraged_this_minute: 0,
            minutes: Vec::new(),
            fund_start_usd,
            latencies: Vec::new(),
            liquidated: BTreeSet::new(),
            wrongful: BTreeMap::new(),
            bankrupt: 0,
            deficits_usd: 0.0,
            deleveraged: BTreeSet::new(),
            adl: AdlOutcome::default(),
            touched: vec![false; pools],
            conservation: Conservation::default(),
            cases: Vec::new(),
        }
    }

    /// Counts a forced closure of `usd`; `side` is positive when a long was closed.
    pub(super) fn note_forced(&mut self, side: f64, usd: f64) {
        self.forced_notional_usd += usd;
        self.forced_long_usd += if side > 0.0 { usd } else { 0.0 };
    }

    pub(super) fn note_liquidation(
        &mut self,
        index: usize,
        account: &Account,
        latency: usize,
        second: usize,
        gap: (String, f64, f64),
    ) {
        self.latencies.push(latency);
        self.liquidated.insert(index);
        self.liquidations_this_minute += 1;
        let usd = account.legs.iter().map(|leg| leg.units.abs() * gap.1).fold(0.0, f64::max);
        let detail = format!("breached {latency} s before a keeper came");
        let pool = account.pool;
        self.cases.push(Case { kind: "late", account: index, pool, second, gap, usd, rank: latency as f64, detail });
        self.thin_cases();
    }

    pub(super) fn note_wrongful(
        &mut self,
        index: usize,
        account: &Account,
        marks: &[f64],
        second: usize,
        gap: (String, f64, f64),
    ) {
        let usd = account.notional(marks);
        self.wrongful.entry(index).or_insert(usd);
        let detail = format!(
            "{usd:.0} USD of positions liquidated although sound at the honest median from {0} s before to {0} s after",
            super::WRONGFUL_WINDOW_S
        );
        let pool = account.pool;
        self.cases.push(Case { kind: "wrongful", account: index, pool, second, gap, usd, rank: usd, detail });
    }

    pub(super) fn note_deficit(
        &mut self,
        index: usize,
        account: &Account,
        deficit: f64,
        second: usize,
        gap: (String, f64, f64),
    ) {
        self.bankrupt += 1;
        self.deficits_usd += deficit;
        self.touched[account.pool] = true;
        let detail = format!("equity was −{deficit:.0} USD when the house took the account over");
        let pool = account.pool;
        self.cases.push(Case {
            kind: "bankrupt",
            account: index,
            pool,
            second,
            gap,
            usd: deficit,
            rank: deficit,
            detail,
        });
    }

    pub(super) fn note_deleveraging(&mut self, event: Deleveraging) {
        self.deleveraged.insert(event.account);
        self.deleveraged_this_minute += 1;
        self.touched[event.pool] = true;
        self.adl.notional_usd += event.notional_usd;
        self.adl.taken_usd += event.taken_usd;
        self.adl.overshoot_usd += event.overshoot_usd;
        let rest = if event.leaves_other_legs { ", its other positions left standing alone" } else { "" };
        let detail = format!(
            "a sound winner lost {:.0} USD of position and {:.0} USD of gain, {:.0} USD more than the deficit{rest}",
            event.notional_usd, event.taken_usd, event.overshoot_usd
        );
        self.cases.push(Case {
            kind: "deleveraged",
            account: event.account,
            pool: event.pool,
            second: event.second,
            gap: (event.symbol, event.own_mark, event.honest_median),
            usd: event.taken_usd,
            rank: event.taken_usd,
            detail,
        });
    }

    /// Keeps the list of cases short while a run goes on: only the strongest of each kind can reach the report.
    fn thin_cases(&mut self) {
        if self.cases.len() < 4_096 {
            return;
        }
        self.strongest_cases();
    }

    fn strongest_cases(&mut self) {
        self.cases.sort_by(|a, b| a.kind.cmp(b.kind).then(b.rank.total_cmp(&a.rank)).then(a.account.cmp(&b.account)));
        let mut kept: BTreeMap<&'static str, BTreeSet<usize>> = BTreeMap::new();
        self.cases.retain(|case| {
            let accounts = kept.entry(case.kind).or_default();
            accounts.len() < CASES_PER_KIND && accounts.insert(case.account)
        });
    }

    pub(super) fn check(&mut self, before: &Ledger, now: &Ledger, tolerance: f64) {
        let error = (now.cash - before.cash).abs();
        self.conservation.checked += 1;
        self.conservation.largest_cash_error_usd = self.conservation.largest_cash_error_usd.max(error);
        self.conservation.violations += usize::from(!now.matches(before, tolerance));
    }

    pub(super) fn into_outcome(
        mut self,
        tape: &Tape,
        seed: u64,
        pools: &[String],
        population: &Population,
        end: End,
    ) -> StaticOutcome {
        self.strongest_cases();
        let adl = AdlOutcome {
            accounts: self.deleveraged.len(),
            hedged_accounts: self.deleveraged.iter().filter(|account| is_hedged(population, **account)).count(),
            ..self.adl
        };
        let fund =
            FundOutcome { start: self.fund_start_usd, low: self.fund_low_usd, end: end.fund_usd, fees: self.fees_usd };
        let touched = pools.iter().zip(&self.touched).filter(|(_, touched)| **touched);
        let reasons = self.cases.iter().map(|case| case.tell(tape.start_ms, pools, population)).collect();
        StaticOutcome {
            rules: "static".to_owned(),
            seed,
            accounts: population.traders.len() + population.makers.len(),
            seconds: tape.seconds,
            breaches: self.breaches,
            liquidated_accounts: self.liquidated.len(),
            wrongful_liquidations: self.wrongful.len(),
            wrongful_notional_usd: self.wrongful.values().sum(),
            liquidation_latency: latency(&mut self.latencies),
            resolution_latency: latency(&mut self.resolutions),
            forced_notional_usd: self.forced_notional_usd,
            forced_long_share: self.forced_long_usd / self.forced_notional_usd.max(1e-9),
            fund,
            adl,
            bad_debt_usd: self.beyond_fund_usd,
            uncovered_usd: end.uncovered,
            deficits_usd: self.deficits_usd,
            bankrupt_accounts: self.bankrupt,
            unfinished_accounts: end.unfinished,
            loss_by_layer: layers(&fund, &adl, &end),
            pools_touched: touched.map(|(name, _)| name.clone()).collect(),
            minutes: self.minutes,
            conservation: self.conservation,
            reasons,
        }
    }
}

impl Case {
    fn tell(&self, start_ms: i64, pools: &[String], population: &Population) -> Reason {
        let time_utc = clock(start_ms, self.second);
        let style = match population.traders.get(self.account).map(|trader| trader.style) {
            Some(Style::Directional) => "a trader",
            Some(Style::Hedged) => "a hedged trader",
            Some(Style::Basis) => "a basis trader",
            None => "a market maker",
        };
        let (symbol, own, honest) = &self.gap;
        let prices = if symbol.is_empty() {
            String::new()
        } else {
            format!(" ({symbol}: own mark {own:.6}, honest median {honest:.6})")
        };
        Reason {
            kind: self.kind.to_owned(),
            account: self.account,
            pool: pools.get(self.pool).cloned().unwrap_or_default(),
            text: format!("{time_utc}, account {}, {style}: {}{prices}", self.account, self.detail),
            time_utc,
            symbol: symbol.clone(),
            own_price: *own,
            honest_price: *honest,
            usd: self.usd,
        }
    }
}

fn is_hedged(population: &Population, account: usize) -> bool {
    population.traders.get(account).is_some_and(|trader| trader.style != Style::Directional)
}

/// What the fund paid net of what came in, what winners paid of it, and what nobody paid.
fn layers(fund: &FundOutcome, adl: &AdlOutcome, end: &End) -> BTreeMap<String, f64> {
    let needed = adl.taken_usd - adl.overshoot_usd;
    let paid = fund.start + fund.fees + adl.overshoot_usd - fund.end;
    [("fund", paid), ("auto_deleveraging", needed), ("uncovered", end.uncovered)]
        .into_iter()
        .map(|(layer, usd)| (layer.to_owned(), usd))
        .collect()
}

fn latency(latencies: &mut [usize]) -> Latency {
    latencies.sort_unstable();
    let at = |share: f64| {
        let rank = (share * latencies.len() as f64).ceil() as usize;
        latencies.get(rank.saturating_sub(1)).copied().unwrap_or(0)
    };
    Latency { p50_s: at(0.5), p99_s: at(0.99), max_s: latencies.last().copied().unwrap_or(0) }
}

/// Time of day of a second of the tape, UTC.
pub(super) fn clock(start_ms: i64, second: usize) -> String {
    let of_day = (start_ms.div_euclid(1_000) + second as i64).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// Sums that trading cannot change.
pub(super) struct Ledger {
    cash: f64,
    /// Σ |cash|: what rounding is measured against.
    gross_cash: f64,
    units: Vec<f64>,
    gross_units: Vec<f64>,
    collateral: Vec<f64>,
}

impl Ledger {
    pub(super) fn new(markets: usize, assets: usize) -> Self {
        Self {
            cash: 0.0,
            gross_cash: 0.0,
            units: vec![0.0; markets],
            gross_units: vec![0.0; markets],
            collateral: vec![0.0; assets],
        }
    }

    pub(super) fn add(&mut self, account: &Account) {
        self.cash += account.cash;
        self.gross_cash += account.cash.abs();
        for leg in &account.legs {
            self.units[leg.market] += leg.units;
            self.gross_units[leg.market] += leg.units.abs();
        }
        for (asset, units) in &account.collateral {
            self.collateral[*asset] += units;
        }
    }

    fn matches(&self, before: &Self, tolerance: f64) -> bool {
        let near = |now: f64, then: f64, scale: f64| (now - then).abs() <= tolerance * (1.0 + scale);
        let units = self.units.iter().zip(&before.gross_units).all(|(now, scale)| near(*now, 0.0, *scale));
        let collateral = self.collateral.iter().zip(&before.collateral).all(|(now, then)| near(*now, *then, *then));
        units && collateral && near(self.cash, before.cash, before.gross_cash)
    }
}
