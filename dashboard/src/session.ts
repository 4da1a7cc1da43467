// Keeps the page with the node: loads what is there, follows the stream, and comes back after a break where it was.

import { api, streamUrl } from './api';
import { append } from './ledger';
import { allocate } from './losses';
import { skipTo } from './sequence';
import { addPool, addPrice } from './series';
import { emptyState, fundOf, NOTABLE, pricesOf, startEvents, take, type State } from './store';
import type { EventPage, StreamMessage } from './types';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
/** A connection that says nothing for so long is taken for dead. */
const SILENCE_MS = 6_000;
const STATUS_EVERY_MS = 2_000;
const PAGE = 1_000;
/** Pages of losses that are read to sum them from the start of what the node keeps. */
const MOST_PAGES = 20;

export interface Session {
  state: State;
  start(): void;
  /** Tries now instead of after the wait. */
  retry(): void;
}

export function createSession(changed: () => void): Session {
  const state = emptyState();
  let socket: WebSocket | null = null;
  let wait = FIRST_WAIT_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heardAt = 0;
  let holeAt: number | null = null;
  let isLoaded = false;

  function later(run: () => void, ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(run, ms);
  }

  function failed(reason: string): void {
    state.phase = 'closed';
    state.failure = reason;
    changed();
    later(go, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }

  async function go(): Promise<void> {
    try {
      if (!isLoaded) {
        await load(state);
        isLoaded = true;
        changed();
      }
      connect();
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error));
    }
  }

  function leave(): void {
    const old = socket;
    socket = null;
    old?.close();
  }

  function connect(): void {
    leave();
    const own = new WebSocket(streamUrl(state.sequence.next));
    socket = own;
    heardAt = Date.now();
    own.onmessage = ({ data }) => {
      if (socket === own) heard(JSON.parse(String(data)) as StreamMessage);
    };
    own.onclose = () => {
      if (socket !== own) return;
      socket = null;
      state.reconnects += 1;
      failed('the connection to the node was lost');
    };
  }

  function heard(message: StreamMessage): void {
    heardAt = Date.now();
    wait = FIRST_WAIT_MS;
    state.phase = 'open';
    state.failure = null;
    const outcome = take(state, message, heardAt);
    if (outcome === 'start over') startOver();
    if (outcome === 'ask again' && message.type === 'event') askAgain(message.event.sequence);
    changed();
  }

  function askAgain(sequence: number): void {
    // A node that leaves the same hole twice does not have these events.
    if (holeAt === state.sequence.next) skipTo(state.sequence, sequence);
    holeAt = state.sequence.next;
    connect();
  }

  function startOver(): void {
    leave();
    const { reconnects } = state;
    Object.assign(state, emptyState(), { reconnects });
    isLoaded = false;
    later(go, 0);
  }

  function watch(): void {
    if (socket && Date.now() - heardAt > SILENCE_MS) {
      leave();
      state.reconnects += 1;
      failed('the node is silent');
    }
    changed();
  }

  async function askStatus(): Promise<void> {
    if (document.hidden || !isLoaded) return;
    try {
      state.status = await api.status();
    } catch {
      // The stream says whether the node is there; a failed question about it adds nothing.
    }
  }

  return {
    state,
    start() {
      void go();
      setInterval(watch, 500);
      setInterval(() => void askStatus(), STATUS_EVERY_MS);
    },
    retry() {
      if (state.phase !== 'closed') return;
      wait = FIRST_WAIT_MS;
      later(go, 0);
    },
  };
}

/** Reads what the node has. Events come first: whatever happens meanwhile, the stream brings again. */
async function load(state: State): Promise<void> {
  startEvents(state, await api.events(PAGE));
  const [status, pools, feeds] = await Promise.all([api.status(), api.pools(), api.feeds()]);
  Object.assign(state, { status, height: pools.height, time: pools.time, stateRoot: status.stateRoot });
  state.pools = pools.pools;
  state.feeds = feeds.feeds;
  state.commands = status.lastBlock.commands;
  state.applyMs = status.lastBlock.applyMs;
  const markets = state.pools.map(async ({ pool }) => (await api.markets(pool)).markets.map((market) => ({ ...market, pool })));
  state.markets = (await Promise.all(markets)).flat();
  await Promise.all([loadNotable(state), loadLosses(state), loadHistory(state)]);
}

async function loadNotable(state: State): Promise<void> {
  const page = await api.events(PAGE, NOTABLE);
  for (const event of page.events) append(state.notable, event);
  state.notable.next = page.next;
}

async function loadLosses(state: State): Promise<void> {
  let page: EventPage = await api.events(1);
  let after = Math.max(0, page.first - 1);
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    page = await api.events(PAGE, ['LossAllocated'], after);
    for (const event of page.events) allocate(state.losses, event);
    after = page.events.at(-1)?.sequence ?? after;
    if (page.events.length < PAGE) break;
  }
  state.losses.ledger.next = Math.max(page.next, state.losses.ledger.next);
}

async function loadHistory(state: State): Promise<void> {
  const prices = state.feeds.map(async ({ feed }) => {
    for (const point of (await api.priceHistory(feed)).points) addPrice(pricesOf(state, feed), point);
  });
  const funds = state.pools.map(async ({ pool }) => {
    for (const point of (await api.poolHistory(pool)).points) addPool(fundOf(state, pool), point);
  });
  await Promise.all([...prices, ...funds]);
}
