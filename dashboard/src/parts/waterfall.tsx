// The layers in the order in which they pay: what is left of each, and what it has borne.

import { add, sign, toPlot } from '../decimal';
import { borneBy, type Losses } from '../losses';
import type { Pool } from '../types';
import { capital, LAYERS } from '../words';
import { Usd } from './amount';

/** How much of the largest layer a layer's bar is, left and borne. */
function shares(available: string | null, borne: string, largest: number) {
  return { left: toPlot(available ?? '0') / largest, gone: toPlot(borne) / largest };
}

export function Waterfall({ pool, losses, brief }: { pool: Pool; losses: Losses; brief?: boolean }) {
  const layers = LAYERS.map((layer) => ({
    ...layer,
    available: pool.waterfall.find((found) => found.layer === layer.layer)?.available ?? null,
    borne: borneBy(losses, pool.pool, layer.layer),
  }));
  const shown = brief ? layers.filter(({ available, borne }) => available !== null || sign(borne) > 0) : layers;
  const largest = Math.max(1, ...layers.map(({ available, borne }) => toPlot(add(available ?? '0', borne))));
  return (
    <ol class="waterfall">
      {shown.map(({ layer, word, means, available, borne }) => {
        const { left, gone } = shares(available, borne, largest);
        const isUsed = sign(borne) > 0;
        return (
          <li key={layer} class={isUsed ? 'is-used' : ''}>
            <p class="name">
              {capital(word)}
              {!brief && <span class="note">{means}</span>}
            </p>
            <p class="left">
              {available === null ? (
                <span class="note">no fixed cap</span>
              ) : (
                <>
                  <Usd value={available} short unit /> left
                </>
              )}
            </p>
            <span class="bar" aria-hidden="true">
              <span class="fill-left" style={{ width: `${left * 100}%` }} />
              <span class="fill-gone" style={{ width: `${gone * 100}%` }} />
            </span>
            <p class="borne">
              {isUsed ? (
                <>
                  bore <Usd value={borne} short unit />
                </>
              ) : (
                <span class="note">untouched</span>
              )}
            </p>
          </li>
        );
      })}
    </ol>
  );
}
