import { describe, expect, it } from 'vitest';
import { append, emptyLedger } from '../src/ledger';
import { allocate, borneBy, borneInAll, noLosses } from '../src/losses';
import { receive, skipTo, startAt } from '../src/sequence';
import { addPrice, emptyPrices } from '../src/series';
import { emptyState, freshness, startEvents, STALE_MS, take } from '../src/store';
import { block, event } from './world';

describe('the sequence of events', () => {
  it('takes each once, in order', () => {
    const sequence = startAt(5);
    expect([5, 6, 6, 5, 7].map((number) => receive(sequence, number))).toEqual(['take', 'take', 'doubled', 'doubled', 'take']);
    expect(sequence).toMatchObject({ next: 8, taken: 3, doubled: 2, holes: 0 });
  });

  it('sees a hole and stays where it was', () => {
    const sequence = startAt(5);
    expect(receive(sequence, 9)).toBe('hole');
    expect(sequence.next).toBe(5);
    expect(receive(sequence, 5)).toBe('take');
  });

  it('counts what the node no longer keeps', () => {
    const sequence = startAt(5);
    expect(skipTo(sequence, 12)).toBe(7);
    expect(skipTo(sequence, 3)).toBe(0);
    expect(sequence).toMatchObject({ next: 12, lost: 7 });
  });
});

describe('ledgers', () => {
  it('keep each event once and stay bounded', () => {
    const ledger = emptyLedger(100);
    for (let number = 0; number < 1_000; number += 1) {
      append(ledger, event(number));
      append(ledger, event(number));
    }
    const numbers = ledger.events.map(({ sequence }) => sequence);
    expect(numbers.length).toBeLessThanOrEqual(125);
    expect(numbers).toEqual(numbers.map((_, at) => 999 - numbers.length + 1 + at));
  });

  it('sum losses exactly, once each', () => {
    const losses = noLosses();
    const first = event(1, 'LossAllocated', { layer: 'Fund', amount: '0.1' });
    allocate(losses, first);
    allocate(losses, first);
    allocate(losses, event(2, 'LossAllocated', { layer: 'Fund', amount: '0.2' }));
    allocate(losses, event(3, 'LossAllocated', { layer: 'OwnCapital', amount: '1' }));
    expect(borneBy(losses, 0, 'Fund')).toBe('0.3');
    expect(borneBy(losses, 1, 'Fund')).toBe('0');
    expect(borneInAll(losses)).toBe('1.3');
  });
});

describe('the store', () => {
  it('goes on where the page of events ended', () => {
    const state = emptyState();
    startEvents(state, { events: [event(3), event(4)], first: 0, next: 5 });
    expect(take(state, { type: 'event', event: event(4) }, 0)).toBe('ok');
    expect(take(state, { type: 'event', event: event(5) }, 0)).toBe('ok');
    expect(state.log.events.map(({ sequence }) => sequence)).toEqual([3, 4, 5]);
    expect(take(state, { type: 'event', event: event(8) }, 0)).toBe('ask again');
    expect(state.sequence.next).toBe(6);
  });

  it('takes notable events and losses into their own ledgers', () => {
    const state = emptyState();
    take(state, { type: 'event', event: event(0, 'LossAllocated', { layer: 'Fund', amount: '2', bearer: null }) }, 0);
    take(state, { type: 'event', event: event(1) }, 0);
    expect(state.notable.events).toHaveLength(1);
    expect(borneBy(state.losses, 0, 'Fund')).toBe('2');
    expect(state.log.events).toHaveLength(2);
  });

  it('starts over when the node has another history', () => {
    const state = emptyState();
    take(state, block(10), 0);
    expect(take(state, block(9), 0)).toBe('start over');
    startEvents(state, { events: [], first: 0, next: 50 });
    expect(take(state, block(11, { events: 49 }), 0)).toBe('start over');
    expect(take(state, block(11, { events: 50 }), 0)).toBe('ok');
  });

  it('says when figures are old', () => {
    const state = emptyState();
    expect(freshness(state, 0)).toBe('loading');
    state.phase = 'open';
    take(state, block(1), 1_000);
    expect(freshness(state, 1_000 + STALE_MS)).toBe('live');
    expect(freshness(state, 1_001 + STALE_MS)).toBe('stale');
    state.phase = 'closed';
    expect(freshness(state, 1_000)).toBe('disconnected');
  });
});

describe('price series', () => {
  it('keep an hour, oldest first, all columns alike', () => {
    const series = emptyPrices();
    for (let second = 0; second < 7_200; second += 1) addPrice(series, [second * 1_000, String(second), '1', '0']);
    const [oldest, newest] = [series.time[0] ?? 0, series.time.at(-1) ?? 0];
    expect(newest - oldest).toBeLessThanOrEqual(3_600_000);
    expect(newest - oldest).toBeGreaterThan(3_500_000);
    expect(new Set(Object.values(series).map((column) => column.length)).size).toBe(1);
    expect(series.points[0]?.time).toBe(oldest);
  });
});
