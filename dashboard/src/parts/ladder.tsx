import { clock, duration } from '../format';
import type { PoolMarket } from '../types';
import { breakerTone, breakerWord, capital, cause, LADDER } from '../words';
import { Badge } from './badge';

/** Every step of the ladder, with the one on which the market stands. */
export function Ladder({ market, time }: { market: PoolMarket; time: number }) {
  const { level, cause: why, since, callUntil } = market.breaker;
  return (
    <>
      <p class="breaker-now">
        <Badge tone={breakerTone(level)}>{capital(breakerWord(level))}</Badge>
        <span>
          {cause(why)}, for {duration(time - since)}
          {callUntil !== null && `; the call auction clears at ${clock(callUntil)} UTC`}
        </span>
      </p>
      <ol class="ladder">
        {LADDER.map((step) => (
          <li
            key={step.level}
            class={step.level === level ? `is-here tone-${step.tone}` : ''}
            aria-current={step.level === level ? 'step' : undefined}
          >
            <strong>{capital(step.word)}</strong>
            <span>{step.means}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
