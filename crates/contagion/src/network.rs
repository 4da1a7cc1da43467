//! Who stands behind whom: pools, large members and collateral assets as one network (R14.2).
//!
//! **Clearing vector.** If every market jumped at once by a given move before anything could be sold, an account below zero would owe
//! its pool, a pool owes every account what it has, and has its custody, its balances at the new prices and the undrawn part of its
//! line to pay with. The solution of [`crate::clearing_vector`] says who is paid how much. It is computed twice: with accounts that
//! answer for themselves alone, which is the rule (R2.1), and with owners whose claims in other pools could be seized, which
//! shows what the rule costs. Own capital, fees, tranche and fund are a pool's equity: they lose first, as in R12.1.
//!
//! **DebtRank.** Each pool, large member and asset is lost in turn. A pool is exposed to a member by what the member would lose
//! beyond its equity if every initial row came true twice over (R11.5), to an asset by what accounts would be below zero by without
//! it; a member is exposed to a pool by its equity there, to an asset by its balances.

use crate::clearing_vector::clearing_vector;
use crate::debtrank::{debtrank, spectral_radius};
use crate::error::MethodError;
use crate::shock::shocked;
use crate::source::{PoolSource, Source, usd};
use clearing::command::Key;
use clearing::margin;
use clearing::state::{Account, Instrument, Pool};
use clearing::table::FeedId;
use clearing::units::Money;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Node {
    /// A pool, by its position.
    Pool {
        /// Its name.
        name: String,
    },
    /// An owner with large positions.
    Member {
        /// The key, hexadecimal.
        owner: String,
    },
    /// A collateral asset, by its feed.
    Asset {
        /// The feed's name.
        name: String,
    },
}

/// A node, and what its loss would cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// Who.
    pub node: Node,
    /// What it can lose, USD; zero for an asset.
    pub equity_usd: f64,
    /// DebtRank of its loss: the share of economic value lost beyond it.
    pub rank: f64,
}

/// What a jump of all markets comes to for a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settled {
    /// The pool.
    pub pool: String,
    /// What its accounts below zero owe it, USD. The fund is not among them: what it loses is the pool's own.
    pub owed_by_members_usd: f64,
    /// What the fund would be worth, USD.
    pub fund_usd: f64,
    /// What it owes accounts and the reserve, USD.
    pub owes_usd: f64,
    /// What it can pay, accounts answering for themselves alone, USD.
    pub pays_usd: f64,
    /// What it could pay if owners stood behind all their accounts, USD.
    pub pays_with_recourse_usd: f64,
    /// Its equity afterwards, of the same two kinds, USD: the line's undrawn part counts.
    pub left_usd: [f64; 2],
}

/// The network and what was read from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Network {
    /// The jump that pools were settled at, a share of prices.
    pub jump: f64,
    /// Each pool at that jump.
    pub settled: Vec<Settled>,
    /// Every node by what its loss costs, the costliest first.
    pub ranked: Vec<Ranked>,
    /// The exposures between them, USD, in the order of `nodes`.
    pub exposures_usd: Vec<Vec<f64>>,
    /// The nodes in the order of the matrix.
    pub nodes: Vec<Node>,
    /// The spectral radius of exposures over equities: distress grows by itself from 1 on.
    pub radius: f64,
}

/// What is known of a large owner.
#[derive(Clone, Debug, Default)]
struct Member {
    /// Equity above zero, by pool.
    equity: BTreeMap<usize, f64>,
    /// At the jump: what the pool owes it, and what it owes the pool, by pool.
    claims: BTreeMap<usize, f64>,
    debts: BTreeMap<usize, f64>,
    /// What it would lose beyond its equity, by pool. R11.5
    beyond: BTreeMap<usize, f64>,
    /// Balances, by feed.
    balances: BTreeMap<FeedId, f64>,
}

/// What is known of one pool.
#[derive(Clone, Debug, Default)]
struct PoolSums {
    /// Claims of accounts at the jump, and debts of accounts.
    claims: f64,
    debts: f64,
    /// Equity of accounts above zero, today.
    value: f64,
    /// The fund's equity, today and at the jump.
    fund: f64,
    fund_jumped: f64,
    /// Balances at the jump.
    balances: f64,
    /// By asset: what accounts would be below zero by without it.
    without: BTreeMap<FeedId, f64>,
}

/// Reads the network. `large` members are nodes of their own, chosen by gross notional; `jump` is a share of prices.
///
/// # Errors
/// [`MethodError`] where the network is too large for a dense matrix.
pub fn network(source: &Source<'_>, jump: f64, large: usize) -> Result<Network, MethodError> {
    let mut members = largest(source, large);
    let pools: Vec<PoolSums> =
        source.pools.iter().enumerate().map(|(at, own)| read_pool(source, at, own, jump, &mut members)).collect();
    let chosen: Vec<(&Key, &Member)> = members.iter().collect();
    let settled = settle(source, &pools, &chosen)?;
    rank(source, &pools, &chosen, settled, jump)
}

/// The owners with the largest gross notional over all pools; ties to the lower key.
fn largest(source: &Source<'_>, large: usize) -> BTreeMap<Key, Member> {
    let mut notional: BTreeMap<Key, Money> = BTreeMap::new();
    for own in &source.pools {
        for account in own.accounts.iter().skip(1).filter(|account| !account.positions.is_empty()) {
            *notional.entry(account.owner).or_default() += margin::notional(own.pool, &account.positions);
        }
    }
    let mut owners: Vec<(Money, Key)> = notional.into_iter().map(|(owner, notional)| (-notional, owner)).collect();
    owners.sort_unstable();
    owners.into_iter().take(large).map(|(_, owner)| (owner, Member::default())).collect()
}

fn read_pool(
    source: &Source<'_>,
    at: usize,
    own: &PoolSource<'_>,
    jump: f64,
    members: &mut BTreeMap<Key, Member>,
) -> PoolSums {
    let derivatives = own.pool.instruments.iter().filter(|(_, listed)| !listed.is_spot());
    let moved: BTreeSet<FeedId> = derivatives.map(|(_, listed)| listed.parameters.feed).collect();
    let there = shocked(own.pool, source.feeds, source.time, &moved, jump);
    let mut sums = PoolSums::default();
    for (number, account) in own.accounts.iter().enumerate() {
        let equity = usd(margin::equity(&own.pool.matrices, account.cash, &account.positions));
        let jumped = usd(margin::equity(&there.matrices, account.cash, &account.positions));
        let balances = balances_of(own.pool, account);
        for (feed, value) in &balances {
            *sums.without.entry(*feed).or_default() += (value - equity.max(0.0)).max(0.0);
        }
        sums.balances += balances_of(&there, account).values().sum::<f64>();
        if number == 0 {
            // The fund is the pool's own equity, whatever it comes to. R11.1
            (sums.fund, sums.fund_jumped) = (equity, jumped);
            continue;
        }
        sums.value += equity.max(0.0);
        sums.claims += jumped.max(0.0);
        sums.debts += (-jumped).max(0.0);
        let Some(member) = members.get_mut(&account.owner) else { continue };
        *member.equity.entry(at).or_default() += equity.max(0.0);
        *member.claims.entry(at).or_default() += jumped.max(0.0);
        *member.debts.entry(at).or_default() += (-jumped).max(0.0);
        *member.beyond.entry(at).or_default() += usd(margin::loss_beyond_equity(own.pool, account));
        for (feed, value) in balances {
            *member.balances.entry(feed).or_default() += value;
        }
    }
    sums
}

/// What an account's balances are worth, by feed, USD.
fn balances_of(pool: &Pool, account: &Account) -> BTreeMap<FeedId, f64> {
    let mut balances = BTreeMap::new();
    for held in &account.positions {
        let listed: &Instrument = &pool.instruments[held.instrument];
        if listed.is_spot() {
            let value = usd(pool.matrices.mark(held.instrument) * held.quantity);
            *balances.entry(listed.parameters.feed).or_default() += value;
        }
    }
    balances
}

/// What a pool can still draw, USD. R11.6
fn undrawn(source: &Source<'_>, pool: &Pool) -> f64 {
    usd((pool.line.open - pool.line.drawn).or_zero().min(source.reserve))
}

/// The debts after the jump, with or without owners standing behind all their accounts.
struct Debts {
    debts: Vec<Vec<f64>>,
    external: Vec<f64>,
}

impl Debts {
    /// Nodes: pools; the reserve; other creditors and other debtors of each pool; then each large owner, in one node with recourse, in
    /// a creditor and a debtor without.
    fn of(source: &Source<'_>, pools: &[PoolSums], chosen: &[(&Key, &Member)], recourse: bool) -> Self {
        let count = pools.len();
        let each = if recourse { 1 } else { 2 };
        let nodes = 3 * count + 1 + each * chosen.len();
        let mut debts = vec![vec![0.0; nodes]; nodes];
        let mut external = vec![0.0; nodes];
        for (at, (sums, own)) in pools.iter().zip(&source.pools).enumerate() {
            let named = |of: fn(&Member) -> &BTreeMap<usize, f64>| {
                chosen.iter().filter_map(|(_, member)| of(member).get(&at)).sum::<f64>()
            };
            external[at] = usd(own.pool.custody) + sums.balances + undrawn(source, own.pool);
            debts[at][count] = usd(own.pool.line.drawn);
            debts[at][count + 1 + at] = (sums.claims - named(|member| &member.claims)).max(0.0);
            debts[2 * count + 1 + at][at] = (sums.debts - named(|member| &member.debts)).max(0.0);
            for (seat, (_, member)) in chosen.iter().enumerate() {
                let creditor = 3 * count + 1 + each * seat;
                debts[at][creditor] = member.claims.get(&at).copied().unwrap_or(0.0);
                debts[creditor + each - 1][at] = member.debts.get(&at).copied().unwrap_or(0.0);
            }
        }
        Self { debts, external }
    }
}

fn settle(source: &Source<'_>, pools: &[PoolSums], chosen: &[(&Key, &Member)]) -> Result<Vec<Settled>, MethodError> {
    let [alone, recourse] = [false, true].map(|recourse| {
        let Debts { debts, external } = Debts::of(source, pools, chosen, recourse);
        clearing_vector(&debts, &external).map(|found| (debts, found))
    });
    let ((debts, alone), (_, recourse)) = (alone?, recourse?);
    let one = |(at, (sums, own)): (usize, (&PoolSums, &PoolSource<'_>))| Settled {
        pool: own.pool.name.clone(),
        owed_by_members_usd: sums.debts,
        fund_usd: sums.fund_jumped,
        owes_usd: debts[at].iter().sum(),
        pays_usd: alone.payments[at],
        pays_with_recourse_usd: recourse.payments[at],
        left_usd: [alone.equities[at], recourse.equities[at]],
    };
    Ok(pools.iter().zip(&source.pools).enumerate().map(one).collect())
}

/// A node that can lose nothing would make every exposure infinite: a cent.
const LEAST_EQUITY: f64 = 0.01;

fn rank(
    source: &Source<'_>,
    pools: &[PoolSums],
    chosen: &[(&Key, &Member)],
    settled: Vec<Settled>,
    jump: f64,
) -> Result<Network, MethodError> {
    let assets: Vec<FeedId> =
        pools.iter().flat_map(|sums| sums.without.keys().copied()).collect::<BTreeSet<_>>().into_iter().collect();
    let (first_member, first_asset) = (pools.len(), pools.len() + chosen.len());
    let size = first_asset + assets.len();
    let mut exposures = vec![vec![0.0; size]; size];
    let mut nodes: Vec<(Node, f64, f64)> = Vec::with_capacity(size);
    for (at, (sums, own)) in pools.iter().zip(&source.pools).enumerate() {
        let tranche = own.pool.tranche.values().map(|share| share.amount).sum();
        let capital =
            usd(own.pool.own_capital + own.pool.fees + tranche) + sums.fund.max(0.0) + undrawn(source, own.pool);
        nodes.push((Node::Pool { name: own.pool.name.clone() }, capital, sums.value));
        for (seat, (_, member)) in chosen.iter().enumerate() {
            exposures[at][first_member + seat] = member.beyond.get(&at).copied().unwrap_or(0.0);
        }
        for (seat, asset) in assets.iter().enumerate() {
            exposures[at][first_asset + seat] = sums.without.get(asset).copied().unwrap_or(0.0);
        }
    }
    for (seat, (owner, member)) in chosen.iter().enumerate() {
        let equity: f64 = member.equity.values().sum();
        nodes.push((Node::Member { owner: hex(owner) }, equity, equity));
        for (pool, equity) in &member.equity {
            exposures[first_member + seat][*pool] = *equity;
        }
        for (place, asset) in assets.iter().enumerate() {
            exposures[first_member + seat][first_asset + place] = member.balances.get(asset).copied().unwrap_or(0.0);
        }
    }
    nodes.extend(assets.iter().map(|asset| (Node::Asset { name: source.feeds[*asset].name.clone() }, 0.0, 0.0)));
    let equities: Vec<f64> = nodes.iter().map(|(_, equity, _)| equity.max(LEAST_EQUITY)).collect();
    let values: Vec<f64> = nodes.iter().map(|(_, _, value)| *value).collect();
    if size == 0 {
        return Ok(Network { jump, settled, ranked: vec![], exposures_usd: vec![], nodes: vec![], radius: 0.0 });
    }
    let mut ranked = Vec::with_capacity(size);
    for (at, (node, equity, _)) in nodes.iter().enumerate() {
        // Where nobody is exposed to it, nothing goes with it: most pools of a large system.
        let matters = exposures.iter().any(|row| row[at] > 0.0);
        let shock: Vec<f64> = (0..size).map(|other| if other == at { 1.0 } else { 0.0 }).collect();
        let rank = if matters { debtrank(&exposures, &equities, &values, &shock)?.rank } else { 0.0 };
        ranked.push(Ranked { node: node.clone(), equity_usd: *equity, rank });
    }
    ranked.sort_by(|one, other| other.rank.total_cmp(&one.rank));
    let leverage: Vec<Vec<f64>> = exposures
        .iter()
        .zip(&equities)
        .map(|(row, equity)| row.iter().map(|exposure| exposure / equity).collect())
        .collect();
    let radius = spectral_radius(&leverage)?;
    let nodes = nodes.into_iter().map(|(node, _, _)| node).collect();
    Ok(Network { jump, settled, ranked, exposures_usd: exposures, nodes, radius })
}

fn hex(key: &Key) -> String {
    key.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
