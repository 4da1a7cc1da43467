//! One run: everybody is seated, takes positions in calm, and then lives through the path, block after block.

use super::agents::{Agent, Arbitrageur, Bidder, Maker, Opinion, Trader, seat_attacker, wait};
use super::experiment::{MarketPlan, TraderPlan};
use super::figures::{Figures, Tally};
use super::market::Market;
use super::prices::Generator;
use crate::museum::stage::Member;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, LogNormal};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// In how many blocks positions of the beginning are struck, a minute each: open interest may rise by a sixteenth of its range in a block.
const STRIKES: u32 = 24;
/// Hours of calm after that, in which margin settles at what is open.
const SETTLES_H: u32 = 12;
/// The share of its most leverage that a trader uses: Beta(2, 3).
const USES: (f64, f64) = (2.0, 3.0);
/// The share of the leverage that margin allows which a position of the beginning may use.
const MOST_USED: f64 = 0.85;

struct Seat {
    agent: Box<dyn Agent>,
    random: ChaCha8Rng,
}

/// Runs a market with a seed. The same arguments give the same figures on every machine.
pub(super) fn run(plan: &MarketPlan, generator: &Generator, seed: u64) -> Figures {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let path = generator.path(plan.blocks(), random.random());
    let outside = ChaCha8Rng::seed_from_u64(random.random());
    let mut market = Market::new(plan, path, outside);
    let mut seats = seat_everybody(plan, &mut market, &mut random);
    let mut tally = Tally::begin(&market);
    let mut waking: BinaryHeap<Reverse<(u64, usize)>> = seats
        .iter_mut()
        .enumerate()
        .filter(|(_, seat)| !seat.agent.builds_blocks())
        .map(|(at, seat)| Reverse((thousandths(wait(60.0, &mut seat.random)), at)))
        .collect();
    for _ in 0..plan.blocks() {
        market.advance();
        let now = thousandths(market.time_s());
        while let Some(Reverse((_, at))) = waking.peek().copied().filter(|Reverse((due, _))| *due <= now) {
            waking.pop();
            let seat = &mut seats[at];
            let next = seat.agent.act(&mut market, &mut seat.random);
            // Nobody acts twice in a block.
            waking.push(Reverse((now + thousandths(next).max(1), at)));
        }
        for seat in seats.iter_mut().filter(|seat| seat.agent.builds_blocks()) {
            seat.agent.act(&mut market, &mut seat.random);
        }
        market.stage.pass(i64::from(plan.time.block_s));
        tally.block(&market);
    }
    tally.end(&market, seats.iter().map(|seat| seat.agent.as_ref()))
}

fn thousandths(seconds: f64) -> u64 {
    (seconds * 1_000.0).clamp(0.0, 1e15) as u64
}

/// Everybody joins, takes positions in calm, and becomes an agent.
fn seat_everybody(plan: &MarketPlan, market: &mut Market, random: &mut ChaCha8Rng) -> Vec<Seat> {
    let members = &plan.members;
    let makers = join(market, "maker", members.makers.count, members.makers.equity_usd);
    let mut traders = join_traders("noise", members.noise, Opinion::None, market, random);
    traders.extend(join_traders("trend", members.trend, Opinion::Trend, market, random));
    strike(market, &makers, &traders, random);
    let mut agents: Vec<Box<dyn Agent>> = Vec::new();
    for member in makers {
        // What they took over in calm is offset outside already.
        let outside = (0..plan.asset.len()).map(|asset| -market.position(member, asset)).collect();
        agents.push(Box::new(Maker { member, plan: members.makers, outside }));
    }
    let arbitrageurs = join(market, "arbitrageur", members.arbitrageurs.count, members.arbitrageurs.equity_usd);
    for (at, member) in arbitrageurs.into_iter().enumerate() {
        let asset = at % plan.asset.len();
        agents.push(Box::new(Arbitrageur { member, plan: members.arbitrageurs, asset, outside: 0.0 }));
    }
    for member in join(market, "bidder", members.bidders.count, members.bidders.equity_usd) {
        agents.push(Box::new(Bidder { member, plan: members.bidders, stands: false }));
    }
    agents.extend(traders.into_iter().map(|trader| Box::new(trader) as Box<dyn Agent>));
    for (at, attacker) in plan.attacker.iter().enumerate() {
        let accounts = join(market, &format!("attacker {at} account"), 2, attacker.capital_usd / 2.0);
        agents.push(seat_attacker(*attacker, [accounts[0], accounts[1]]));
    }
    agents.into_iter().map(|agent| Seat { agent, random: ChaCha8Rng::seed_from_u64(random.random()) }).collect()
}

fn join(market: &mut Market, kind: &str, count: usize, usd: f64) -> Vec<Member> {
    let newcomers: Vec<(String, f64)> = (0..count).map(|at| (format!("{kind} {at}"), usd)).collect();
    market.stage.join_all(&newcomers)
}

fn join_traders(
    kind: &str,
    plan: TraderPlan,
    opinion: Opinion,
    market: &mut Market,
    random: &mut ChaCha8Rng,
) -> Vec<Trader> {
    let money = LogNormal::new(plan.equity_usd.ln(), plan.equity_spread).expect("the experiment has checked them");
    let uses = Beta::new(USES.0, USES.1).expect("both are above zero");
    let drawn: Vec<f64> = (0..plan.count).map(|_| money.sample(random)).collect();
    let newcomers: Vec<(String, f64)> =
        drawn.iter().enumerate().map(|(at, usd)| (format!("{kind} {at}"), *usd)).collect();
    let members = market.stage.join_all(&newcomers);
    let seated = members.into_iter().zip(drawn).map(|(member, money_usd)| Trader {
        member,
        opinion,
        asset: random.random_range(0..market.outside.len()),
        plan,
        money_usd,
        uses: uses.sample(random),
        reserve_usd: money_usd * plan.top_up,
    });
    seated.collect()
}

/// Traders take their positions of the beginning from makers, a part a minute; longs and shorts in turn, so that makers hold little.
fn strike(market: &mut Market, makers: &[Member], traders: &[Trader], random: &mut ChaCha8Rng) {
    let mut starts: Vec<(Member, usize, f64)> = Vec::new();
    for trader in traders {
        let symbol = Arc::clone(&market.outside[trader.asset].symbol);
        let side = if random.random::<f64>() < trader.plan.long_share { 1.0 } else { -1.0 };
        let allowed = market.stage.most_units(trader.member, &symbol, side) * MOST_USED;
        let wanted = trader.plan.leverage * trader.uses * trader.money_usd / market.outside[trader.asset].price();
        starts.push((trader.member, trader.asset, side * wanted.min(allowed)));
    }
    for round in 0..STRIKES {
        for (at, (member, asset, units)) in starts.iter().enumerate() {
            let symbol = Arc::clone(&market.outside[*asset].symbol);
            let wanted = units * f64::from(round + 1) / f64::from(STRIKES);
            let missing = wanted - market.position(*member, *asset);
            let maker = makers[at % makers.len()];
            let [buyer, seller] = if missing > 0.0 { [*member, maker] } else { [maker, *member] };
            market.stage.strike(buyer, seller, &symbol, missing.abs());
        }
        market.stage.pass(60);
    }
    for _ in 0..SETTLES_H {
        market.stage.pass(3_600);
    }
}
