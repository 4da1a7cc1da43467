//! How far markets are from a cascade, as the last look at a view found it.

use super::Shared;
use super::fault::Fault;
use crate::systemic::Look;
use axum::Json;
use axum::extract::State;
use contagion::assess::{Market, PoolAssessment};
use contagion::curve::Side;
use contagion::impact::Origin;
use contagion::network::{Network, Node};
use protocol::shapes::Failure;
use protocol::systemic::{RankedNode, SettledPool, SystemicAnswer, SystemicMarket, SystemicPool, SystemicStep};
use std::sync::Arc;

/// Nodes of the network that are told.
const MOST_NODES: usize = 20;

/// Systemic risk: how far each market is from a cascade of forced sales, and who would fall with whom. Computed aside, at most every five
/// seconds and for at most a tenth of the time.
#[utoipa::path(get, path = "/v1/systemic", responses((status = 200, body = SystemicAnswer), (status = 503, body = Failure)))]
pub(super) async fn systemic(State(shared): State<Arc<Shared>>) -> Result<Json<SystemicAnswer>, Fault> {
    let look =
        shared.systemic().at(&shared.view()).await.ok_or_else(|| Fault::busy("looking at systemic risk failed"))?;
    Ok(Json(answer(&look)))
}

fn answer(look: &Look) -> SystemicAnswer {
    let found = &look.found;
    let network = found.network.as_ref();
    SystemicAnswer {
        height: found.height,
        time: found.time_ms,
        took_ms: u64::try_from(look.took.as_millis()).unwrap_or(u64::MAX),
        pools: found.pools.iter().enumerate().map(pool).collect(),
        settled: network.map(settled).unwrap_or_default(),
        ranked: network.map(ranked).unwrap_or_default(),
    }
}

fn pool((at, pool): (usize, &PoolAssessment)) -> SystemicPool {
    SystemicPool {
        pool: u16::try_from(at).unwrap_or(u16::MAX),
        name: pool.name.clone(),
        equity_usd: pool.equity_usd,
        coupled_down: pool.coupled[0],
        coupled_up: pool.coupled[1],
        markets: pool.markets.iter().map(market).collect(),
    }
}

fn market(market: &Market) -> SystemicMarket {
    let ms = |seconds: f64| seconds * 1e3;
    let speed = market.velocity.as_ref();
    let [falls, rises] = &market.curve.together;
    SystemicMarket {
        feed: market.curve.feed,
        name: market.curve.name.clone(),
        impact: match market.curve.impact {
            Origin::Depth => "depth",
            Origin::Volume => "volume",
            Origin::Unknown => "unknown",
        }
        .to_owned(),
        branching: market.at_mark,
        distance: market.distance,
        doubling_ms: speed.and_then(|speed| speed.doubling_s).map(ms),
        tenth_of_equity_ms: speed.and_then(|speed| speed.tenth_of_equity_s).map(ms),
        falls: steps(falls),
        rises: steps(rises),
    }
}

fn steps(side: &Side) -> Vec<SystemicStep> {
    let step = |level: &contagion::curve::Level| SystemicStep {
        moved: level.moved,
        forced_usd: level.forced_usd,
        branching: level.branching,
        accounts: level.accounts,
    };
    side.levels.iter().map(step).collect()
}

fn settled(network: &Network) -> Vec<SettledPool> {
    let one = |settled: &contagion::network::Settled| SettledPool {
        pool: settled.pool.clone(),
        owed_by_members_usd: settled.owed_by_members_usd,
        fund_usd: settled.fund_usd,
        owes_usd: settled.owes_usd,
        pays_usd: settled.pays_usd,
        pays_with_recourse_usd: settled.pays_with_recourse_usd,
    };
    network.settled.iter().map(one).collect()
}

fn ranked(network: &Network) -> Vec<RankedNode> {
    let one = |ranked: &contagion::network::Ranked| {
        let (kind, name) = match &ranked.node {
            Node::Pool { name } => ("pool", name),
            Node::Member { owner } => ("member", owner),
            Node::Asset { name } => ("asset", name),
        };
        RankedNode { kind: kind.to_owned(), name: name.clone(), equity_usd: ranked.equity_usd, rank: ranked.rank }
    };
    network.ranked.iter().take(MOST_NODES).map(one).collect()
}
