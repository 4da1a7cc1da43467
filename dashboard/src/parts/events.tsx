import { clock, count } from '../format';
import { useLive } from '../live';
import { names } from '../names';
import type { NodeEvent } from '../types';
import { eventLink, eventTone, tell } from '../words';
import { ToneIcon } from './icons';

/** Events, newest first, one sentence each. */
export function Events({ events, label, empty }: { events: NodeEvent[]; label: string; empty: string }) {
  const state = useLive();
  const known = names(state);
  if (events.length === 0) return <p class="empty">{empty}</p>;
  return (
    <ol class="events" aria-label={label} tabIndex={0}>
      {events.map((event) => {
        const href = eventLink(event);
        return (
          <li key={event.sequence} data-sequence={event.sequence}>
            <span class="when number" title={`block ${count(event.height)}, event ${count(event.sequence)}`}>
              {clock(event.time)}
            </span>
            <ToneIcon tone={eventTone(event)} />
            <span class="what">
              <span class="kind">{href ? <a href={href}>{event.kind}</a> : event.kind}</span> <span>{tell(event, known)}</span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}
