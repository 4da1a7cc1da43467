// Everything the pages show, and the only ways in which it changes.

import { append, emptyLedger, type Ledger } from './ledger';
import { allocate, noLosses, type Losses } from './losses';
import { receive, skipTo, startAt, type Sequence } from './sequence';
import { addPool, addPrice, emptyPool, emptyPrices, poolPoint, pricePoint, type PoolSeries, type PriceSeries } from './series';
import type { BlockMessage, EventPage, Feed, NodeEvent, Pool, PoolMarket, Status, StreamMessage } from './types';

/** Kinds that a person on duty wants to see, beside the full log. */
export const NOTABLE = new Set([
  'AccountLiquidated',
  'AccountRestored',
  'AccountClosed',
  'AutoDeleveraged',
  'BreakerStepped',
  'ChangeDeferred',
  'Expired',
  'FeedConditionChanged',
  'LiquidationsCarried',
  'LossAllocated',
  'PoolWoundDown',
  'PortfolioAbsorbed',
  'PortfolioAuctioned',
  'PublisherFlagged',
]);

export type Phase = 'loading' | 'open' | 'closed';

export interface State {
  phase: Phase;
  /** By the reader's clock: when the last block came. */
  blockSeenAt: number | null;
  reconnects: number;
  failure: string | null;
  status: Status | null;
  height: number;
  time: number;
  stateRoot: string;
  commands: number;
  applyMs: number;
  pools: Pool[];
  markets: PoolMarket[];
  feeds: Feed[];
  prices: Map<number, PriceSeries>;
  funds: Map<number, PoolSeries>;
  sequence: Sequence;
  log: Ledger;
  notable: Ledger;
  losses: Losses;
}

export function emptyState(): State {
  return {
    phase: 'loading',
    blockSeenAt: null,
    reconnects: 0,
    failure: null,
    status: null,
    height: 0,
    time: 0,
    stateRoot: '',
    commands: 0,
    applyMs: 0,
    pools: [],
    markets: [],
    feeds: [],
    prices: new Map(),
    funds: new Map(),
    sequence: startAt(0),
    log: emptyLedger(5_000),
    notable: emptyLedger(2_000),
    losses: noLosses(),
  };
}

function seriesOf<S>(all: Map<number, S>, id: number, empty: () => S): S {
  let series = all.get(id);
  if (!series) all.set(id, (series = empty()));
  return series;
}

export const pricesOf = (state: State, feed: number) => seriesOf(state.prices, feed, emptyPrices);
export const fundOf = (state: State, pool: number) => seriesOf(state.funds, pool, emptyPool);

export function takeBlock(state: State, block: BlockMessage, seenAt: number): void {
  state.blockSeenAt = seenAt;
  state.height = block.height;
  state.time = block.time;
  state.stateRoot = block.stateRoot;
  state.commands = block.commands;
  state.applyMs = block.applyMs;
  state.pools = block.pools;
  state.markets = block.markets;
  state.feeds = block.feeds;
  for (const feed of block.feeds) addPrice(pricesOf(state, feed.feed), pricePoint(block.time, feed));
  for (const pool of block.pools) addPool(fundOf(state, pool.pool), poolPoint(block.time, pool));
}

function keep(state: State, event: NodeEvent): void {
  append(state.log, event);
  if (NOTABLE.has(event.kind)) append(state.notable, event);
  if (event.kind === 'LossAllocated') allocate(state.losses, event);
}

/** The newest events, from which the stream goes on. */
export function startEvents(state: State, page: EventPage): void {
  for (const event of page.events) append(state.log, event);
  state.log.next = page.next;
  state.sequence = { ...state.sequence, next: page.next };
}

export type Outcome = 'ok' | 'ask again' | 'start over';

/** A message of the stream. `ask again`: events are missing. `start over`: this is another history than the one shown. */
export function take(state: State, message: StreamMessage, seenAt: number): Outcome {
  switch (message.type) {
    case 'block': {
      const isOlder = message.height < state.height;
      const isShorter = message.events !== undefined && message.events < state.sequence.next;
      if (isOlder || isShorter) return 'start over';
      takeBlock(state, message, seenAt);
      return 'ok';
    }
    case 'gap':
      skipTo(state.sequence, message.first);
      return 'ok';
    case 'event': {
      const verdict = receive(state.sequence, message.event.sequence);
      if (verdict === 'take') keep(state, message.event);
      return verdict === 'hole' ? 'ask again' : 'ok';
    }
  }
}

/** No block for this long is said aloud. */
export const STALE_MS = 2_000;

export type Freshness = 'live' | 'stale' | 'disconnected' | 'loading';

export function freshness(state: State, now: number): Freshness {
  if (state.phase === 'loading' && state.blockSeenAt === null) return 'loading';
  if (state.phase !== 'open') return 'disconnected';
  return state.blockSeenAt === null || now - state.blockSeenAt > STALE_MS ? 'stale' : 'live';
}
