import type { Alarm } from '../watch';
import { capital } from '../words';
import { ToneIcon } from './icons';

/** What is wrong, each with the page that shows it. */
export function Alarms({ found }: { found: Alarm[] }) {
  return (
    <ul class="alarms">
      {found.map((alarm) => (
        <li key={alarm.key} class={`tone-${alarm.tone}`}>
          <ToneIcon tone={alarm.tone} />
          <a href={alarm.href}>{capital(alarm.text)}</a>
        </li>
      ))}
    </ul>
  );
}
