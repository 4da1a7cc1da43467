// A table that scrolls inside itself when it is wider than the screen, by finger, wheel or arrow keys.

import type { ComponentChildren } from 'preact';

export interface Column<T> {
  name: string;
  unit?: string;
  /** Figures are set to the right. */
  isFigure?: boolean;
  /** Left out where the screen is narrow; the row's own page has it. */
  isWide?: boolean;
  /** Sentences may take several lines. */
  wraps?: boolean;
  cell: (row: T) => ComponentChildren;
}

interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string | number;
  rowClass?: (row: T) => string;
  empty: string;
  /** Long tables scroll inside a fixed height. */
  isLong?: boolean;
}

function classOf<T>(column: Column<T>): string {
  return [column.isFigure && 'figure-cell', column.isWide && 'wide', column.wraps && 'wraps'].filter(Boolean).join(' ');
}

export function Table<T>({ label, columns, rows, rowKey, rowClass, empty, isLong }: TableProps<T>) {
  return (
    <div class={`table${isLong ? ' is-long' : ''}`} role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={classOf(column)}>
                {column.name}
                {column.unit && <span class="unit"> {column.unit}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} class={rowClass?.(row) ?? ''}>
              {columns.map((column) => (
                <td key={column.name} class={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">{empty}</p>}
    </div>
  );
}
