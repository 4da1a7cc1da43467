// Amounts: short or to the cent on the screen, exact under the pointer.

import { sign } from '../decimal';
import { exact, money, NONE, price, quantity, shortMoney, signedPercent } from '../format';
import { MoveIcon } from './icons';

export function Usd({ value, short, unit }: { value: string; short?: boolean; unit?: boolean }) {
  return (
    <span class={`number${sign(value) < 0 ? ' is-negative' : ''}`} title={`${exact(value)} USD`}>
      {short ? shortMoney(value) : money(value)}
      {unit && <span class="unit"> USD</span>}
    </span>
  );
}

export function Price({ value, places }: { value: string | null; places?: number }) {
  if (value === null) return <span class="number">{NONE}</span>;
  return (
    <span class="number" title={`${exact(value)} USD`}>
      {places === undefined ? price(value) : price(value, places)}
    </span>
  );
}

export function Quantity({ value, lot }: { value: string; lot?: string }) {
  return (
    <span class="number" title={exact(value)}>
      {quantity(value, lot)}
    </span>
  );
}

/** How far a report is from the index: neither good nor bad by its sign. */
export function Deviation({ value, places = 3 }: { value: string | null; places?: number }) {
  return <span class="number">{value === null ? NONE : signedPercent(value, places)}</span>;
}

/** A change with its direction as a shape, a sign and a colour. */
export function Change({ value, places = 2 }: { value: string | null; places?: number }) {
  if (value === null) return <span class="number">{NONE}</span>;
  const direction = sign(value);
  return (
    <span class={`number change ${direction < 0 ? 'is-negative' : direction > 0 ? 'is-positive' : ''}`}>
      {direction !== 0 && <MoveIcon up={direction > 0} />}
      {signedPercent(value, places)}
    </span>
  );
}
