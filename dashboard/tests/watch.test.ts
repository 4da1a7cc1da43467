import { describe, expect, it } from 'vitest';
import { addPrice } from '../src/series';
import { emptyState, pricesOf, take, type State } from '../src/store';
import type { Publisher } from '../src/types';
import { alarms, doubtful, moves, verdict } from '../src/watch';
import { breakerTone, eventTone, LADDER, spaced, tell, type Names } from '../src/words';
import { read } from '../src/route';
import { block, event, feed, market, pool } from './world';

const names: Names = { market: () => 'ETH-PERP', feed: () => 'ETH', publisher: () => 'Quay' };

function stateWith(fields: Parameters<typeof block>[1]): State {
  const state = emptyState();
  take(state, block(100, fields), 0);
  return state;
}

describe('the verdict', () => {
  it('is safe only with live figures and no alarm', () => {
    expect(verdict('live', alarms(stateWith({}))).word).toBe('Safe');
    expect(verdict('stale', []).word).toBe('Unknown');
    expect(verdict('disconnected', []).word).toBe('Unknown');
  });

  it('is under stress while the rules are at work', () => {
    const found = alarms(stateWith({ pools: [pool({ liquidating: 2 })] }));
    expect(found.map(({ text }) => text)).toEqual(['2 accounts under liquidation in Main']);
    expect(verdict('live', found).word).toBe('Under stress');
  });

  it('is danger when a layer below the fund pays, a feed is down or a market is halted', () => {
    const state = stateWith({ feeds: [feed({ condition: 'Down' })] });
    expect(verdict('live', alarms(state)).word).toBe('Danger');
    const halted = market({ breaker: { level: 'Halted', cause: 'Restart', since: 0, callUntil: null } });
    expect(alarms(stateWith({ markets: [halted] }))[0]?.tone).toBe('alarm');
    const paid = stateWith({});
    take(paid, { type: 'event', event: event(0, 'LossAllocated', { layer: 'Tranche', amount: '1', time: 99_000 }) }, 0);
    expect(verdict('live', alarms(paid)).word).toBe('Danger');
  });

  it('sees a fund that lost a tenth of its high, exactly', () => {
    const fund = (equity: string) => ({ ...pool().fund, equity });
    expect(alarms(stateWith({ pools: [pool({ fund: fund('90.001') })] }))).toHaveLength(0);
    expect(alarms(stateWith({ pools: [pool({ fund: fund('90') })] }))).toHaveLength(1);
    expect(alarms(stateWith({ pools: [pool({ fund: fund('0') })] }))[0]?.tone).toBe('alarm');
  });
});

describe('what is falling and who is lying', () => {
  it('puts the deepest fall first', () => {
    const state = stateWith({ markets: [market(), market({ instrument: 1, feed: 1, indexPrice: '50' })] });
    addPrice(pricesOf(state, 1), [0, '100', '100', '0']);
    const [first] = moves(state);
    expect([first?.market.instrument, first?.change]).toEqual([1, '-0.5']);
  });

  it('names publishers that lost weight or do not count, the furthest first', () => {
    const publisher = (fields: Partial<Publisher>): Publisher => ({
      key: `0x${fields.name}`,
      name: 'a',
      source: 1,
      weight: 1,
      price: '3000',
      confidence: '1',
      publishedAt: 100_000,
      counts: true,
      penalty: '0',
      transfersSuspended: false,
      ...fields,
    });
    const publishers = [
      publisher({}),
      publisher({ name: 'late', counts: false, publishedAt: 40_000 }),
      publisher({ name: 'liar', price: '4500', penalty: '0.1' }),
    ];
    const found = doubtful(stateWith({ feeds: [feed({ publishers })] }));
    expect(found.map((entry) => entry.publisher.name)).toEqual(['liar', 'late']);
    expect(found[0]?.reasons).toEqual(['outlier: 10.0\u00a0% of its weight lost']);
  });
});

describe('words', () => {
  it('tells events as sentences and unknown kinds plainly', () => {
    const stepped = event(1, 'BreakerStepped', { instrument: 0, level: 'Halted', cause: 'Restart' });
    expect(tell(stepped, names)).toBe('ETH-PERP stepped to halted because the node was restarted');
    expect(eventTone(stepped)).toBe('alarm');
    expect(tell(event(2, 'ChangeScheduled', { effectiveAt: 5 }), names)).toBe('effective at 5');
    expect(tell(event(3, 'Deposited', { account: 4, amount: 'not a number' }), names)).toBe('account 4, amount not a number');
  });

  it('knows every step of the ladder and does not stumble over a new one', () => {
    expect(LADDER.map(({ level }) => breakerTone(level))).toEqual(['ok', 'warning', 'warning', 'warning', 'alarm', 'alarm']);
    expect(breakerTone('Frozen')).toBe('warning');
    expect(spaced('NothingToReduce')).toBe('nothing to reduce');
  });

  it('reads addresses', () => {
    expect(read('#/')).toEqual({ page: 'overview' });
    expect(read('#/pools/1/accounts/7')).toEqual({ page: 'account', pool: 1, account: 7 });
    expect(read('#/feeds/3/')).toEqual({ page: 'feed', feed: 3 });
    expect(read('#/pools/x')).toEqual({ page: 'unknown' });
  });
});
