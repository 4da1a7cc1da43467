// Speaks alarms to a screen reader: each once when it begins, and a lost connection at once.

import { useEffect, useRef, useState } from 'preact/hooks';
import { useLive } from '../live';
import { freshness } from '../store';
import { alarms } from '../watch';
import { capital } from '../words';

const SPOKEN_AT_ONCE = 5;

export function Announcer() {
  const state = useLive();
  const fresh = freshness(state, Date.now());
  const known = useRef(new Set<string>());
  const [news, setNews] = useState('');
  const found = alarms(state);
  const keys = found.map(({ key }) => key).join(' ');

  useEffect(() => {
    const begun = found.filter(({ key }) => !known.current.has(key));
    known.current = new Set(found.map(({ key }) => key));
    if (begun.length > 0) {
      const spoken = begun.slice(0, SPOKEN_AT_ONCE).map(({ text }) => capital(text));
      const more = begun.length - spoken.length;
      setNews(`${spoken.join('. ')}.${more > 0 ? ` And ${more} more.` : ''}`);
    }
  }, [keys]);

  return (
    <>
      <div class="spoken" role="alert">
        {fresh === 'disconnected' && 'Disconnected from the node.'}
        {fresh === 'stale' && 'No block for more than two seconds.'}
      </div>
      <div class="spoken" role="status" aria-live="polite">
        {news}
      </div>
    </>
  );
}
