// One line under the navigation, always of the same height: live, or loudly not.

import { clock, count, duration, milliseconds, shortHex } from '../format';
import { useLive } from '../live';
import { freshness, type Freshness, type State } from '../store';
import type { Tone } from '../words';
import { ToneIcon } from './icons';

const TONES: Record<Freshness, Tone> = { live: 'ok', stale: 'alarm', disconnected: 'alarm', loading: 'note' };

function sentence(state: State, fresh: Freshness, now: number): string {
  const age = state.blockSeenAt === null ? null : duration(now - state.blockSeenAt);
  switch (fresh) {
    case 'live':
      return 'Live';
    case 'loading':
      return 'Connecting';
    case 'stale':
      return age === null ? 'Stale: no block yet' : `Stale: no block for ${age}`;
    case 'disconnected':
      return age === null ? 'Disconnected, trying again' : `Disconnected: figures ${age} old, trying again`;
  }
}

export function Connection() {
  const state = useLive();
  const now = Date.now();
  const fresh = freshness(state, now);
  return (
    <div class={`connection tone-${TONES[fresh]}`} data-freshness={fresh}>
      <p class="state">
        <ToneIcon tone={TONES[fresh]} />
        <strong class="number">{sentence(state, fresh, now)}</strong>
        {state.status?.mode === 'dev' && <span class="mode">dev mode: simulated members</span>}
      </p>
      <dl>
        <div>
          <dt>Block</dt>
          <dd class="number" id="height">
            {count(state.height)}
          </dd>
        </div>
        <div>
          <dt>Time</dt>
          <dd class="number">{state.time ? `${clock(state.time)} UTC` : '–'}</dd>
        </div>
        <div class="wide">
          <dt>Apply</dt>
          <dd class="number">{milliseconds(state.applyMs)}</dd>
        </div>
        <div class="wide">
          <dt>State root</dt>
          <dd class="number" title={state.stateRoot}>
            {shortHex(state.stateRoot)}
          </dd>
        </div>
      </dl>
    </div>
  );
}
