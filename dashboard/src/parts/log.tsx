// The event log: every event as it comes, with a filter by kind.

import { useState } from 'preact/hooks';
import { count } from '../format';
import { useLive } from '../live';
import type { NodeEvent } from '../types';
import { NOTABLE } from '../store';
import { Card } from './card';
import { Events } from './events';

const STEP = 200;
const ALL = 'all';
const ONLY_NOTABLE = 'notable';

function kindsOf(events: NodeEvent[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { kind } of events) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort(([left], [right]) => left.localeCompare(right));
}

export function EventLog() {
  const state = useLive();
  const [kind, setKind] = useState(ALL);
  const [most, setMost] = useState(STEP);
  const [held, setHeld] = useState<NodeEvent[] | null>(null);
  const source = kind !== ALL && NOTABLE.has(kind) ? state.notable : kind === ONLY_NOTABLE ? state.notable : state.log;
  const all = held ?? source.events;
  const found = kind === ALL || kind === ONLY_NOTABLE ? all : all.filter((event) => event.kind === kind);
  const kinds = kindsOf([
    ...state.log.events,
    ...state.notable.events.filter(({ sequence }) => sequence < (state.log.events[0]?.sequence ?? 0)),
  ]);
  return (
    <Card
      title="Event log"
      aside={`${count(Math.min(most, found.length))} of ${count(found.length)} kept on this page, newest first`}
      class="log"
    >
      <div class="controls">
        <label>
          Kind{' '}
          <select
            value={kind}
            onChange={(event) => {
              setKind(event.currentTarget.value);
              setHeld(null);
            }}
          >
            <option value={ALL}>all kinds</option>
            <option value={ONLY_NOTABLE}>notable only</option>
            {kinds.map(([name, times]) => (
              <option key={name} value={name}>
                {name} ({count(times)})
              </option>
            ))}
          </select>
        </label>
        <button type="button" aria-pressed={held !== null} onClick={() => setHeld(held === null ? [...source.events] : null)}>
          {held === null ? 'Pause' : 'Resume'}
        </button>
      </div>
      <Events events={found.slice(-most).reverse()} label="Events" empty="No such event in what this page keeps." />
      {found.length > most && (
        <p class="pager">
          <button type="button" onClick={() => setMost(most + STEP)}>
            Show {count(Math.min(STEP, found.length - most))} more
          </button>
        </p>
      )}
    </Card>
  );
}
