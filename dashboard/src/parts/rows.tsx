// Stressed equity of each row as a bar from zero: to the right what is left, to the left what is missing.

import { compare, sign, toPlot } from '../decimal';
import type { Row } from '../types';
import { Usd } from './amount';
import { ToneIcon } from './icons';

/** The lowest first by maintenance, then by initial. */
export function ordered(rows: Row[]): Row[] {
  const of = (row: Row) => row.maintenance ?? row.initial ?? '0';
  return [...rows].sort((left, right) => {
    if ((left.maintenance === null) !== (right.maintenance === null)) return left.maintenance === null ? 1 : -1;
    return compare(of(left), of(right));
  });
}

function Bar({
  value,
  scale,
  kind,
}: {
  value: string | null;
  scale: { low: number; span: number };
  kind: 'maintenance' | 'initial';
}) {
  if (value === null) return <span class="bar" />;
  const zero = -scale.low / scale.span;
  const at = (toPlot(value) - scale.low) / scale.span;
  const [from, to] = at < zero ? [at, zero] : [zero, at];
  const isBelow = sign(value) < 0;
  return (
    <span class="bar" aria-hidden="true">
      <span
        class={`fill ${kind}${isBelow ? ' is-below' : ''}`}
        style={{ left: `${from * 100}%`, width: `max(2px, ${(to - from) * 100}%)` }}
      />
      <span class="zero" style={{ left: `${zero * 100}%` }} />
    </span>
  );
}

export function StressedRows({ rows }: { rows: Row[] }) {
  const values = rows
    .flatMap(({ initial, maintenance }) => [initial, maintenance])
    .filter((value) => value !== null)
    .map(toPlot);
  const low = Math.min(0, ...values);
  const scale = { low, span: Math.max(0, ...values) - low || 1 };
  return (
    <div class="table" role="region" aria-label="Stressed equity by row" tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Row</th>
            <th scope="col" class="bars">
              Below zero, or above
            </th>
            <th scope="col" class="figure-cell">
              Maintenance <span class="unit">USD</span>
            </th>
            <th scope="col" class="figure-cell wide">
              Initial <span class="unit">USD</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {ordered(rows).map((row) => {
            const isBreach = row.maintenance !== null && sign(row.maintenance) < 0;
            return (
              <tr key={row.name} class={isBreach ? 'is-breach' : ''}>
                <th scope="row">
                  {isBreach && <ToneIcon tone="alarm" />} {row.name}
                  {isBreach && <span class="breach"> breach</span>}
                </th>
                <td class="bars">
                  <Bar value={row.maintenance} scale={scale} kind="maintenance" />
                  <Bar value={row.initial} scale={scale} kind="initial" />
                </td>
                <td class="figure-cell">{row.maintenance === null ? '–' : <Usd value={row.maintenance} />}</td>
                <td class="figure-cell wide">{row.initial === null ? '–' : <Usd value={row.initial} />}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
