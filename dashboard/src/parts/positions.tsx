import { link } from '../route';
import type { Position } from '../types';
import { Price, Quantity, Usd } from './amount';
import type { Column } from './table';

export function positionColumns(pool: number): Column<Position>[] {
  return [
    { name: 'Market', cell: ({ instrument, name }) => <a href={link.market(pool, instrument)}>{name}</a> },
    { name: 'Quantity', isFigure: true, cell: ({ quantity }) => <Quantity value={quantity} /> },
    { name: 'Notional', unit: 'USD', isFigure: true, cell: ({ notional }) => <Usd value={notional} /> },
    { name: 'Gain or loss', unit: 'USD', isFigure: true, cell: ({ unrealisedPnl }) => <Usd value={unrealisedPnl} /> },
    { name: 'Entry', unit: 'USD', isFigure: true, cell: ({ entryPrice }) => <Price value={entryPrice} /> },
    { name: 'Mark', unit: 'USD', isFigure: true, cell: ({ markPrice }) => <Price value={markPrice} /> },
  ];
}
