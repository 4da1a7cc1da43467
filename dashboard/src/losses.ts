// What each layer of each pool's waterfall has borne, summed exactly from `LossAllocated` events.

import { add } from './decimal';
import type { NodeEvent } from './types';
import { append, emptyLedger, type Ledger } from './ledger';

export interface Losses {
  /** By `pool/layer`. */
  totals: Map<string, { amount: string; times: number }>;
  ledger: Ledger;
  since: number | null;
}

export function noLosses(): Losses {
  return { totals: new Map(), ledger: emptyLedger(1_000), since: null };
}

export function allocate(losses: Losses, event: NodeEvent): void {
  if (!append(losses.ledger, event)) return;
  const key = `${event.pool}/${event.layer}`;
  const before = losses.totals.get(key) ?? { amount: '0', times: 0 };
  losses.totals.set(key, { amount: add(before.amount, String(event.amount)), times: before.times + 1 });
  losses.since ??= event.time;
}

export function borneBy(losses: Losses, pool: number, layer: string): string {
  return losses.totals.get(`${pool}/${layer}`)?.amount ?? '0';
}

export function borneInAll(losses: Losses): string {
  let total = '0';
  for (const { amount } of losses.totals.values()) total = add(total, amount);
  return total;
}
