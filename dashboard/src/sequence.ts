// Decides what becomes of an event that the stream brings: each is taken once, in order, and a hole never passes unseen.

export interface Sequence {
  /** The sequence number that comes next. */
  next: number;
  taken: number;
  doubled: number;
  /** Holes that the stream left, each answered by asking again from `next`. */
  holes: number;
  /** Events that the node no longer kept when they were asked for. */
  lost: number;
}

export type Verdict = 'take' | 'doubled' | 'hole';

export function startAt(next: number): Sequence {
  return { next, taken: 0, doubled: 0, holes: 0, lost: 0 };
}

/** What to do with an event; moves on only if it is taken. */
export function receive(sequence: Sequence, number: number): Verdict {
  if (number < sequence.next) {
    sequence.doubled += 1;
    return 'doubled';
  }
  if (number > sequence.next) {
    sequence.holes += 1;
    return 'hole';
  }
  sequence.next += 1;
  sequence.taken += 1;
  return 'take';
}

/** The node says that it keeps nothing older than `first`. */
export function skipTo(sequence: Sequence, first: number): number {
  const lost = Math.max(0, first - sequence.next);
  sequence.lost += lost;
  sequence.next = Math.max(sequence.next, first);
  return lost;
}
