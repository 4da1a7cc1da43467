// A fake clearing house in two moods. It looks right on a page; it clears nothing.

import { condition, confidence, feedView } from './feeds.mjs';
import { distress, FEEDS, HOUR, index, START } from './prices.mjs';
import { decimal, hex, random } from './text.mjs';

const MOST_EVENTS = 30_000;
const MOST_BLOCKS = 2_000;
const PAST_STEP = 2_000;

const POOLS = [
  {
    name: 'Main',
    markets: [
      ['BTC-PERP', 0, 'perpetual'],
      ['ETH-PERP', 1, 'perpetual'],
      ['SOL-PERP', 2, 'perpetual'],
      ['AAVE-PERP', 3, 'perpetual'],
      ['ETH-2025-12', 1, 'dated'],
      ['USDC', 4, 'spot'],
    ],
    accounts: 140,
    size: 60_000,
    ownCapital: 86_000,
    fund: 1_150_000,
    target: 1_080_000,
    tranche: 400_000,
    line: 250_000,
  },
  {
    name: 'Long tail',
    markets: [['WIF-PERP', 5, 'perpetual']],
    accounts: 36,
    size: 30_000,
    ownCapital: 4_000,
    fund: 5_000,
    target: 8_000,
    tranche: 1_600,
    line: 1_300,
  },
];

const sumOf = (values) => values.reduce((total, value) => total + value, 0);

export function createWorld(mood) {
  const chance = random(mood === 'crash' ? 20251010 : 7);
  const slow = FEEDS.map(({ price }) => price);
  const events = [];
  const blocks = [];
  const samples = [];
  let next = 0;
  let height = 41_200;
  let time = START;
  let here = 0;
  const pools = [];

  function newPool(plan, id) {
    const pool = {
      ...plan,
      id,
      scenarios: [],
      high: plan.fund,
      fees: plan.fund * 0.01,
      drawn: 0,
      inventory: new Map(),
      carried: 0,
      bank: [],
    };
    pool.instruments = plan.markets.map(([name, feed, kind], at) => ({
      at,
      name,
      feed,
      kind,
      level: 'Normal',
      cause: 'Calm',
      since: START,
      callUntil: null,
      last: null,
    }));
    pool.scenarios = scenarios(pool);
    pool.bank = Array.from({ length: plan.accounts }, (_, account) => newAccount(pool, account));
    return pool;
  }

  function newAccount(pool, id) {
    if (id === 0) return { id, positions: new Map(), cash: 0, standing: 'Good', orders: [], steps: 0 };
    const derivatives = pool.instruments.filter(({ kind }) => kind !== 'spot');
    const positions = new Map();
    const worth = pool.size * (0.15 + 6 * chance() ** 4);
    // Most are long, as before every crash.
    for (let leg = 0; leg < 1 + Math.floor(chance() * Math.min(3, derivatives.length)); leg += 1) {
      const instrument = derivatives[Math.floor(chance() * derivatives.length)];
      const { price, places } = FEEDS[instrument.feed];
      const side = chance() < 0.72 ? 1 : -1;
      const quantity = Number(((side * worth * (0.3 + chance())) / price).toFixed(places));
      positions.set(instrument.at, { quantity, entry: price * (0.99 + 0.02 * chance()) });
    }
    if (id % 5 === 0 && pool.id === 0) positions.set(5, { quantity: Math.round(worth * 0.2), entry: 1 });
    const notional = sumOf(
      [...positions].map(([at, { quantity }]) => Math.abs(quantity) * FEEDS[pool.instruments[at].feed].price),
    );
    const leverage = 1.6 + 9 * chance() ** 2.5;
    const value = sumOf([...positions].map(([at, { quantity }]) => quantity * FEEDS[pool.instruments[at].feed].price));
    return { id, positions, cash: notional / leverage - value, standing: 'Good', orders: newOrders(pool, id), steps: 0 };
  }

  function newOrders(pool, id) {
    return Array.from({ length: id % 4 }, (_, at) => {
      const instrument = pool.instruments[(id + at) % pool.instruments.length];
      const { places } = FEEDS[instrument.feed];
      return {
        number: id * 100 + at,
        at: instrument.at,
        side: (id + at) % 2 ? 'buy' : 'sell',
        quantity: Number(((pool.size * (0.02 + 0.1 * chance())) / FEEDS[instrument.feed].price).toFixed(places)) || 1,
        off: 0.001 + 0.02 * chance(),
        reduceOnly: at === 2,
      };
    });
  }

  /** What every figure of a block is made of, computed once a block. */
  let today = prepared();

  function prepared() {
    const depth = distress(time, mood);
    const stresses = FEEDS.map(({ volatility }) => {
      const raw = volatility * 2.1 * (1 + 1.1 * depth);
      return { raw, maintenance: volatility * 1.3 * (1 + 0.1 * depth), initial: raw * (1.25 - 0.25 * depth) };
    });
    return { depth, stresses, prices: FEEDS.map((_, feed) => index(feed, time, mood)) };
  }

  const trouble = () => today.depth;
  const mark = (pool, at) => today.prices[pool.instruments[at].feed] * (pool.instruments[at].kind === 'dated' ? 1.004 : 1);
  const stress = (feed, kind) => today.stresses[feed][kind];

  function emit(kind, fields) {
    here += 1;
    events.push({ sequence: next, height, time, kind, ...fields });
    next += 1;
    if (events.length > MOST_EVENTS) events.splice(0, 2_000);
  }

  const equity = (pool, account) =>
    account.cash + sumOf([...account.positions].map(([at, { quantity }]) => quantity * mark(pool, at)));
  const notional = (pool, account) =>
    sumOf([...account.positions].map(([at, { quantity }]) => Math.abs(quantity) * mark(pool, at)));

  /** Named moves of every feed, as shares of stress. */
  function scenarios(pool) {
    const feeds = [...new Set(pool.instruments.map(({ feed }) => feed))];
    const all = [
      ['unshocked', () => 0],
      ['all down', () => -1],
      ['all up', () => 1],
    ];
    if (feeds.length > 1) {
      for (const feed of feeds) {
        const { name } = FEEDS[feed];
        all.push(
          [`${name} down, others follow`, (other) => (other === feed ? -1 : -0.62)],
          [`${name} up, others follow`, (other) => (other === feed ? 1 : 0.62)],
        );
        if (feed !== 4) all.push([`${name} down alone`, (other) => (other === feed ? -1 : 0)]);
      }
    }
    return all;
  }

  function rows(pool, account) {
    const now = equity(pool, account);
    const exit = notional(pool, account) * 0.0008;
    const value = (move, kind) =>
      now -
      exit * (kind === 'initial' ? 2 : 1) +
      sumOf(
        [...account.positions].map(([at, { quantity }]) => {
          const { feed } = pool.instruments[at];
          return quantity * mark(pool, at) * move(feed) * stress(feed, kind);
        }),
      );
    const found = pool.scenarios.map(([name, move]) => ({
      name,
      initial: value(move, 'initial'),
      maintenance: value(move, 'maintenance'),
    }));
    const reversion =
      now -
      exit +
      sumOf([...account.positions].map(([at, { quantity }]) => quantity * (slow[pool.instruments[at].feed] - mark(pool, at))));
    return [...found, { name: 'back to slow prices', initial: reversion, maintenance: null }];
  }

  const lowest = (all, kind) => Math.min(...all.map((row) => row[kind] ?? Infinity));

  function trade(pool, account, at, quantity, isForced) {
    const price = mark(pool, at) * (1 + (quantity > 0 ? 1 : -1) * 0.0004);
    const fee = Math.abs(quantity) * price * 0.0004;
    const held = account.positions.get(at);
    const left = Number(((held?.quantity ?? 0) + quantity).toFixed(8));
    account.cash -= quantity * price + fee;
    pool.fees += fee;
    if (left === 0) account.positions.delete(at);
    else account.positions.set(at, { quantity: left, entry: held?.entry ?? price });
    emit('Filled', {
      pool: pool.id,
      account: account.id,
      instrument: at,
      quantity: decimal(quantity),
      price: decimal(price),
      fee: decimal(fee),
      forced: isForced,
    });
  }

  function allocate(pool, defaulter, loss) {
    const order = [
      ['OwnCapital', 'ownCapital'],
      ['Fund', 'fund'],
      ['Tranche', 'tranche'],
    ];
    let left = loss;
    for (const [layer, field] of order) {
      const borne = Math.min(left, Math.max(0, pool[field] - (field === 'fund' ? pool.high * 0.25 : 0)));
      if (borne < 0.01) continue;
      pool[field] -= borne;
      left -= borne;
      emit('LossAllocated', {
        pool: pool.id,
        defaulter,
        layer,
        amount: decimal(borne),
        bearer: layer === 'Tranche' ? 7 : null,
      });
    }
    const drawn = Math.min(left, pool.line - pool.drawn);
    if (drawn > 0.01) {
      pool.drawn += drawn;
      left -= drawn;
      emit('LossAllocated', { pool: pool.id, defaulter, layer: 'Line', amount: decimal(drawn), bearer: null });
    }
    if (left > 0.01) deleverage(pool, defaulter, left);
  }

  function deleverage(pool, defaulter, deficit) {
    const winner =
      pool.bank.find(
        ({ id, standing, positions }) =>
          id > 0 && standing === 'Good' && [...positions.values()].some(({ quantity }) => quantity < 0),
      ) ?? pool.bank[1];
    emit('AutoDeleveraged', {
      pool: pool.id,
      defaulter,
      account: winner.id,
      instrument: 0,
      quantity: '120',
      price: decimal(mark(pool, 0)),
      deficit: decimal(deficit),
      gain: decimal(deficit * 9),
      allGains: decimal(deficit * 40),
      haircut: decimal(deficit),
    });
    emit('LossAllocated', {
      pool: pool.id,
      defaulter,
      layer: 'AutoDeleveraging',
      amount: decimal(deficit),
      bearer: winner.id,
    });
  }

  function auctionPortfolio(pool, account) {
    const size = notional(pool, account);
    const now = equity(pool, account);
    const taken = 0.6 + 0.4 * chance();
    const premium = size * 0.004;
    emit('PortfolioAuctioned', {
      pool: pool.id,
      account: account.id,
      notional: decimal(size),
      equity: decimal(now),
      premium: decimal(0.035 + 0.02 * chance()),
      taken: decimal(taken),
    });
    emit('SliceTaken', {
      pool: pool.id,
      account: account.id,
      bidder: 3,
      share: decimal(taken),
      premium: decimal(premium * taken),
    });
    if (taken < 0.995) {
      emit('PortfolioAbsorbed', {
        pool: pool.id,
        account: account.id,
        notional: decimal(size * (1 - taken)),
        share: decimal(1 - taken),
        premium: decimal(premium * (1 - taken)),
      });
      for (const [at, { quantity }] of account.positions) {
        pool.inventory.set(at, {
          quantity: Number(
            ((pool.inventory.get(at)?.quantity ?? 0) + quantity * (1 - taken)).toFixed(FEEDS[pool.instruments[at].feed].places),
          ),
          entry: mark(pool, at),
        });
      }
    }
    const shortfall = Math.max(0, -now);
    emit('AccountClosed', { pool: pool.id, account: account.id, shortfall: decimal(shortfall) });
    if (shortfall > 0.01) allocate(pool, account.id, shortfall);
    account.positions.clear();
    account.cash = 0;
    account.standing = 'Closed';
  }

  function liquidate(pool, account) {
    const all = rows(pool, account);
    const worst = lowest(all, 'maintenance');
    if (account.standing === 'Good') {
      if (worst >= 0) return;
      account.standing = 'Liquidating';
      account.steps = 0;
      const now = equity(pool, account);
      emit('AccountLiquidated', {
        pool: pool.id,
        account: account.id,
        equity: decimal(now),
        maintenanceMargin: decimal(now - worst),
      });
      for (const order of account.orders)
        emit('OrderRemoved', { pool: pool.id, account: account.id, number: order.number, reason: 'Liquidation' });
      account.orders = [];
      return;
    }
    account.steps += 1;
    const margin = equity(pool, account) - worst;
    if (worst > margin * 0.2) {
      account.standing = 'Good';
      emit('AccountRestored', { pool: pool.id, account: account.id, equity: decimal(equity(pool, account)) });
    } else if (equity(pool, account) < margin * 0.35 || account.steps > 40) auctionPortfolio(pool, account);
    else reduce(pool, account);
  }

  function reduce(pool, account) {
    const legs = [...account.positions].filter(([at]) => pool.instruments[at].kind !== 'spot');
    const largest = legs.sort(
      ([a, one], [b, other]) => Math.abs(other.quantity) * mark(pool, b) - Math.abs(one.quantity) * mark(pool, a),
    )[0];
    if (!largest) return auctionPortfolio(pool, account);
    const [at, { quantity }] = largest;
    const { places } = FEEDS[pool.instruments[at].feed];
    const part = Number((quantity * 0.05).toFixed(places));
    trade(pool, account, at, part === 0 ? -quantity : -part, true);
  }

  /** Keeps the crash going: now and then somebody who had enough has not. */
  function weaken(pool) {
    if (mood !== 'crash' || trouble() < 0.3 || height % 8 !== 0) return;
    const sound = pool.bank.filter(({ id, standing, positions }) => id > 8 && standing === 'Good' && positions.size > 0);
    const account = sound[Math.floor(chance() * sound.length)];
    if (!account || sound.length < pool.accounts * 0.45) return;
    const isDeep = chance() < 0.4;
    account.cash -= isDeep
      ? equity(pool, account) + notional(pool, account) * 0.3 * chance()
      : lowest(rows(pool, account), 'maintenance') + notional(pool, account) * 0.004;
  }

  function step(instrument, level, cause, pool) {
    if (instrument.level === level) return;
    Object.assign(instrument, { level, cause, since: time, callUntil: level === 'CallAuction' ? time + 60_000 : null });
    emit('BreakerStepped', { pool: pool.id, instrument: instrument.at, level, cause });
  }

  function breakers(pool) {
    const depth = trouble();
    for (const instrument of pool.instruments) {
      const { feed, kind } = instrument;
      if (condition(feed, time, mood) === 'Down') step(instrument, 'ReduceOnly', 'FeedDown', pool);
      else if (condition(feed, time, mood) === 'Degraded') step(instrument, 'Cautious', 'FeedDegraded', pool);
      else if (feed === 2 && depth > 0.8) step(instrument, 'CallAuction', 'OutsideBand', pool);
      else if ((feed === 1 || feed === 2) && kind === 'perpetual' && depth > 0.3) step(instrument, 'Cautious', 'LargeMove', pool);
      else step(instrument, 'Normal', 'Calm', pool);
    }
  }

  const conditions = FEEDS.map(() => 'Live');
  function feedsStep() {
    FEEDS.forEach(({ name }, feed) => {
      const now = condition(feed, time, mood);
      if (now !== conditions[feed]) emit('FeedConditionChanged', { feed, condition: now });
      conditions[feed] = now;
      const limit = (samples.length ? 0.0006 : 1) * slow[feed];
      const gap = index(feed, time, mood) - slow[feed];
      slow[feed] += Math.sign(gap) * Math.min(Math.abs(gap), limit * (name === 'USDC' ? 0.1 : 1));
      if ((feed === 3 || feed === 5) && trouble() > 0.2 && height % 120 === 0) {
        emit('PublisherFlagged', {
          feed,
          publisher: 3,
          price: decimal(FEEDS[feed].price * 0.94),
          index: decimal(index(feed, time, mood)),
        });
      }
    });
  }

  function marketsStep(pool) {
    const instrument = pool.instruments[height % pool.instruments.length];
    const { price, places } = FEEDS[instrument.feed];
    const quantity = Math.max(10 ** -places, Number(((pool.size * 0.04 * (0.3 + chance())) / price).toFixed(places)));
    instrument.last = { height, price: mark(pool, instrument.at), quantity };
    const [maker, taker] = [1 + Math.floor(chance() * 8), 9 + (height % (pool.accounts - 9))];
    if (height % 2 === 0) emit('OrderPlaced', { pool: pool.id, account: maker, number: height });
    if (pool.bank[taker].standing === 'Good' && pool.bank[taker].positions.has(instrument.at) && height % 3 === 0) {
      emit('AuctionCleared', {
        pool: pool.id,
        instrument: instrument.at,
        price: decimal(instrument.last.price),
        quantity: decimal(quantity),
      });
      const side = height % 6 === 0 ? 1 : -1;
      emit('Filled', {
        pool: pool.id,
        account: taker,
        instrument: instrument.at,
        quantity: decimal(side * quantity),
        price: decimal(instrument.last.price),
        fee: decimal(quantity * instrument.last.price * 0.0004),
        forced: false,
      });
    }
    // A kind that no page knows must be shown plainly.
    if (height % 400 === 0) emit('ChangeScheduled', { effectiveAt: time + 86_400_000 });
  }

  function sample() {
    samples.push({
      time,
      feeds: FEEDS.map((_, feed) => [
        index(feed, time, mood),
        slow[feed],
        index(feed, time, mood) * confidence(feed, time, mood),
      ]),
      pools: pools.map((pool) => [pool.fund, liquidating(pool), openNotional(pool)]),
    });
    if (samples.length > HOUR / 1_000) samples.splice(0, samples.length - HOUR / 1_000);
  }

  const liquidating = (pool) => pool.bank.filter(({ standing }) => standing === 'Liquidating').length;
  const openNotional = (pool) => sumOf(pool.bank.map((account) => notional(pool, account))) / 2;

  function block(milliseconds) {
    time += milliseconds;
    height += 1;
    here = 0;
    today = prepared();
    feedsStep();
    for (const pool of pools) {
      breakers(pool);
      marketsStep(pool);
      weaken(pool);
      pool.carried = trouble() > 0.7 && height % 97 < 2 && pool.id === 0 ? 3 : 0;
      if (pool.carried) emit('LiquidationsCarried', { pool: pool.id, accounts: pool.carried });
      for (const account of pool.bank) if (account.id > 0 && account.standing !== 'Closed') liquidate(pool, account);
      pool.fund += pool.size * 0.00002 * (1 + trouble() * 4);
      pool.high = Math.max(pool.high, pool.fund);
    }
    const commands = 40 + Math.floor(chance() * 30) + Math.floor(trouble() * 260 * chance());
    blocks.push({
      height,
      time,
      stateRoot: hex(`${mood} ${height}`),
      commands,
      rejections: Math.floor(commands * 0.02),
      refusals: 0,
      events: here,
      firstEvent: next - here,
      applyMs: Number((0.4 + commands * 0.006 + chance() * 0.5 + trouble() * chance() * 3).toFixed(3)),
    });
    if (blocks.length > MOST_BLOCKS) blocks.splice(0, 200);
    if (!samples.length || time - samples.at(-1).time >= 1_000) sample();
  }

  pools.push(...POOLS.map(newPool));
  for (let past = 0; past < HOUR / PAST_STEP; past += 1) block(PAST_STEP);

  const position = (pool, [at, { quantity, entry }]) => {
    const now = mark(pool, at);
    return {
      instrument: at,
      name: pool.instruments[at].name,
      quantity: decimal(quantity, 8),
      entryPrice: decimal(entry),
      markPrice: decimal(now),
      notional: decimal(Math.abs(quantity) * now),
      unrealisedPnl: decimal(quantity * (now - entry)),
    };
  };

  function poolView(pool) {
    const money = (value) => decimal(value);
    return {
      pool: pool.id,
      name: pool.name,
      accounts: pool.accounts,
      openNotional: money(openNotional(pool)),
      liquidating: liquidating(pool),
      carried: pool.carried,
      windingDown: false,
      custody: money(pool.fund * 5.7),
      fees: money(pool.fees),
      fund: {
        equity: money(pool.fund),
        initialMargin: money(pool.fund * 0.06 * pool.inventory.size),
        target: money(pool.target),
        high: money(pool.high),
        positions: [...pool.inventory].filter(([, { quantity }]) => quantity !== 0).map((held) => position(pool, held)),
      },
      ownCapital: money(pool.ownCapital),
      tranche: { amount: money(pool.tranche), leaving: money(pool.tranche * 0.04), providers: 3 },
      line: { cap: money(pool.line), drawn: money(pool.drawn) },
      waterfall: [
        { layer: 'OwnCapital', available: money(pool.ownCapital) },
        { layer: 'Fund', available: money(pool.fund) },
        { layer: 'Tranche', available: money(pool.tranche) },
        { layer: 'Line', available: money(pool.line - pool.drawn) },
      ],
      bids: [
        { account: 3, premium: '0.035', capacity: money(pool.size * 20) },
        { account: 5, premium: '0.05', capacity: money(pool.size * 12) },
        { account: 6, premium: '0.08', capacity: money(pool.size * 30) },
      ],
      fundingIntervalMs: HOUR,
      fundingNextAt: START + HOUR * 2,
    };
  }

  function marketView(pool, instrument) {
    const { at, name, feed, kind } = instrument;
    const now = mark(pool, at);
    const { places } = FEEDS[feed];
    const open = sumOf(pool.bank.map(({ positions }) => Math.max(0, positions.get(at)?.quantity ?? 0)));
    const { level, cause, since, callUntil, last } = instrument;
    return {
      instrument: at,
      name,
      kind,
      expiry: kind === 'dated' ? Date.UTC(2025, 11, 26, 8) : null,
      feed,
      feedName: FEEDS[feed].name,
      lotSize: decimal(10 ** -places, 8),
      markPrice: decimal(now),
      indexPrice: decimal(index(feed, time, mood)),
      slowPrice: decimal(slow[feed]),
      doubt: decimal(now * confidence(feed, time, mood) * 1.2),
      fundingRate: kind === 'perpetual' ? decimal(0.00011 - trouble() * 0.0009) : null,
      openInterest: decimal(open, 8),
      openNotional: decimal(open * now),
      initialStress: decimal(stress(feed, 'initial')),
      maintenanceStress: decimal(stress(feed, 'maintenance')),
      rawStress: decimal(stress(feed, 'raw')),
      band: { low: decimal(now * 0.97), high: decimal(now * 1.03) },
      breaker: {
        level,
        cause,
        since,
        callUntil: callUntil === null ? null : time + 60_000 - ((time - callUntil) % 60_000),
      },
      bestBid: decimal(now * 0.9996),
      bestAsk: decimal(now * 1.0004),
      lastPrice: last ? decimal(last.price) : null,
      lastQuantity: last ? decimal(last.quantity, 8) : null,
      settled: null,
    };
  }

  function summary(pool, account) {
    const fund = account.id === 0;
    const now = fund ? pool.fund : equity(pool, account);
    const all = fund ? [{ initial: now * 0.94, maintenance: now * 0.97 }] : rows(pool, account);
    const maintenance = now - lowest(all, 'maintenance');
    return {
      account: account.id,
      owner: hex(`owner ${pool.id} ${account.id}`, 33),
      standing: account.standing,
      equity: decimal(now),
      initialMargin: decimal(now - lowest(all, 'initial')),
      maintenanceMargin: decimal(maintenance),
      freeCollateral: decimal(lowest(all, 'initial')),
      marginRatio: now > 0 ? decimal(maintenance / now) : null,
      notional: decimal(fund ? 0 : notional(pool, account)),
      positions: account.positions.size,
      orders: account.orders.length,
    };
  }

  function detail(pool, account) {
    const all = account.id === 0 ? [{ name: 'unshocked', initial: pool.fund, maintenance: pool.fund }] : rows(pool, account);
    const worst = (kind) => all.find((row) => row[kind] === lowest(all, kind))?.name ?? null;
    const text = (value) => (value === null ? null : decimal(value));
    return {
      ...summary(pool, account),
      cash: decimal(account.cash),
      loan: '0',
      positions: [...account.positions].map((held) => position(pool, held)),
      orders: account.orders.map(({ number, at, side, quantity, off, reduceOnly }) => ({
        number,
        instrument: at,
        name: pool.instruments[at].name,
        side,
        quantity: decimal(quantity, 8),
        limit: decimal(mark(pool, at) * (side === 'buy' ? 1 - off : 1 + off), 2),
        reduceOnly,
        lifetime: number % 3 ? 'UntilCancelled' : 'Until',
        until: number % 3 ? null : START + HOUR * 6,
      })),
      rows: all.map(({ name, initial, maintenance }) => ({ name, initial: text(initial), maintenance: text(maintenance) })),
      worst: { initial: worst('initial'), maintenance: worst('maintenance') },
      bid: [3, 5, 6].includes(account.id) ? { account: account.id, premium: '0.035', capacity: decimal(pool.size * 20) } : null,
    };
  }

  function book(pool, instrument) {
    const now = mark(pool, instrument.at);
    const { places, price } = FEEDS[instrument.feed];
    const levels = (way) =>
      Array.from({ length: 24 }, (_, at) => {
        const wave = 0.6 + 0.5 * Math.abs(Math.sin(at * 1.9 + Math.floor(time / 3_000) + way));
        return [
          decimal(now * (1 + way * (0.0004 + at * 0.0005)), places > 3 ? 2 : 4),
          decimal(Math.max(10 ** -places, (pool.size * 0.35 * wave * (1 - 0.6 * trouble())) / price), places),
        ];
      });
    const { last } = instrument;
    return {
      height,
      time,
      instrument: instrument.at,
      bids: levels(-1),
      asks: levels(1),
      auction: last ? { height: last.height, price: decimal(last.price), quantity: decimal(last.quantity, 8) } : null,
    };
  }

  const feeds = () => FEEDS.map((_, feed) => feedView(feed, time, mood, slow[feed]));

  return {
    block,
    book,
    detail,
    events,
    blocks,
    samples,
    pools,
    poolView,
    marketView,
    summary,
    feeds,
    get height() {
      return height;
    },
    get time() {
      return time;
    },
    get next() {
      return next;
    },
    trouble,
    blockMessage: () => ({
      type: 'block',
      height,
      time,
      stateRoot: blocks.at(-1).stateRoot,
      commands: blocks.at(-1).commands,
      applyMs: blocks.at(-1).applyMs,
      events: next,
      pools: pools.map(poolView),
      markets: pools.flatMap((pool) =>
        pool.instruments.map((instrument) => ({ pool: pool.id, ...marketView(pool, instrument) })),
      ),
      feeds: feeds(),
    }),
  };
}
