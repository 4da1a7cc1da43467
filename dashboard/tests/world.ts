// Small pieces of a node's answers for tests.

import type { BlockMessage, Feed, NodeEvent, Pool, PoolMarket } from '../src/types';

export function event(sequence: number, kind = 'OrderPlaced', fields: Record<string, unknown> = {}): NodeEvent {
  return { sequence, height: 10 + sequence, time: 1_000 * sequence, kind, pool: 0, ...fields };
}

export function pool(fields: Partial<Pool> = {}): Pool {
  return {
    pool: 0,
    name: 'Main',
    accounts: 3,
    openNotional: '100',
    liquidating: 0,
    carried: 0,
    windingDown: false,
    custody: '1',
    fees: '1',
    fund: { equity: '100', initialMargin: '0', target: '90', high: '100', positions: [] },
    ownCapital: '10',
    tranche: { amount: '0', leaving: '0', providers: 0 },
    line: { cap: '0', drawn: '0' },
    waterfall: [
      { layer: 'OwnCapital', available: '10' },
      { layer: 'Fund', available: '100' },
    ],
    bids: [],
    fundingIntervalMs: 3_600_000,
    fundingNextAt: 0,
    ...fields,
  };
}

export function feed(fields: Partial<Feed> = {}): Feed {
  return {
    feed: 0,
    name: 'ETH',
    condition: 'Live',
    indexPrice: '3000',
    confidence: '1',
    slowPrice: '3000',
    volatilityADay: '0.04',
    publishers: [],
    ...fields,
  };
}

export function market(fields: Partial<PoolMarket> = {}): PoolMarket {
  return {
    pool: 0,
    instrument: 0,
    name: 'ETH-PERP',
    kind: 'perpetual',
    expiry: null,
    feed: 0,
    feedName: 'ETH',
    lotSize: '0.001',
    markPrice: '3000',
    indexPrice: '3000',
    slowPrice: '3000',
    doubt: '1',
    fundingRate: '0',
    openInterest: '1',
    openNotional: '3000',
    initialStress: '0.1',
    maintenanceStress: '0.05',
    rawStress: '0.1',
    band: { low: '2900', high: '3100' },
    breaker: { level: 'Normal', cause: 'Calm', since: 0, callUntil: null },
    bestBid: null,
    bestAsk: null,
    lastPrice: null,
    lastQuantity: null,
    settled: null,
    ...fields,
  };
}

export function block(height: number, fields: Partial<BlockMessage> = {}): BlockMessage {
  return {
    type: 'block',
    height,
    time: height * 1_000,
    stateRoot: `0x${height}`,
    commands: 1,
    applyMs: 1,
    pools: [pool()],
    markets: [market()],
    feeds: [feed()],
    ...fields,
  };
}
