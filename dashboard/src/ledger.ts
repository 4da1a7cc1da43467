// A bounded list of events, each once, oldest first.

import type { NodeEvent } from './types';

export interface Ledger {
  events: NodeEvent[];
  /** Events below this number are already here, or are of kinds that this ledger does not keep. */
  next: number;
  limit: number;
}

export function emptyLedger(limit: number): Ledger {
  return { events: [], next: 0, limit };
}

/** Adds an event unless it is here; says whether it was new. */
export function append(ledger: Ledger, event: NodeEvent): boolean {
  if (event.sequence < ledger.next) return false;
  ledger.events.push(event);
  ledger.next = event.sequence + 1;
  // Cutting in steps keeps an append cheap.
  if (ledger.events.length > ledger.limit * 1.25) ledger.events.splice(0, ledger.events.length - ledger.limit);
  return true;
}
