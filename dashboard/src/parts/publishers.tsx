// Each publisher's report against the index and its confidence band, on one scale.

import { sign, subtract, toPlot } from '../decimal';
import { duration, percent, pricePlaces } from '../format';
import type { Feed, Publisher } from '../types';
import { deviation, doubts, publisherName } from '../watch';
import { Deviation, Price } from './amount';
import { Badge } from './badge';
import { Table, type Column } from './table';

const WIDTH = 240;
const HEIGHT = 22;

/** A strip never shows more than so many times the confidence: one far report must not hide how the others agree. */
const MOST_BANDS = 5;

/** Half of what the strip shows. */
function reach(feed: Feed): number {
  const index = toPlot(feed.indexPrice);
  const band = Math.max(toPlot(feed.confidence), Math.abs(index) * 0.0002);
  const far = feed.publishers.map(({ price, confidence }) =>
    price === null ? 0 : Math.abs(toPlot(price) - index) + toPlot(confidence ?? '0'),
  );
  return Math.min(Math.max(band * 2, ...far) * 1.08, band * MOST_BANDS);
}

function Report({ x, shape }: { x: number; shape: 'counts' | 'doubtful' | 'beyond' }) {
  const mid = HEIGHT / 2;
  if (shape === 'counts') return <circle class="report" cx={x} cy={mid} r="4" />;
  if (shape === 'doubtful') return <path class="report" d={`M${x} ${mid - 6} l6 11 h-12 z`} />;
  const [edge, way] = x > WIDTH / 2 ? [WIDTH - 1, -1] : [1, 1];
  return <path class="report" d={`M${edge} ${mid} l${way * 8} -6 v12 z m${way * 8} 0 l${way * 8} -6 v12 z`} />;
}

function Strip({ feed, publisher, half, isDoubtful }: { feed: Feed; publisher: Publisher; half: number; isDoubtful: boolean }) {
  const x = (offset: number) => WIDTH / 2 + (offset / half) * (WIDTH / 2);
  const band = toPlot(feed.confidence);
  const offset = publisher.price === null ? null : toPlot(subtract(publisher.price, feed.indexPrice));
  const own = toPlot(publisher.confidence ?? '0');
  const mid = HEIGHT / 2;
  return (
    <svg
      class={`strip${isDoubtful ? ' is-doubtful' : ''}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      aria-hidden="true"
    >
      <rect class="band" x={x(-band)} width={Math.max(1, x(band) - x(-band))} y="0" height={HEIGHT} />
      <line class="index" x1={WIDTH / 2} x2={WIDTH / 2} y1="0" y2={HEIGHT} />
      {offset !== null && (
        <>
          <line class="whisker" x1={x(offset - own)} x2={x(offset + own)} y1={mid} y2={mid} />
          <Report x={x(offset)} shape={Math.abs(offset) > half ? 'beyond' : isDoubtful ? 'doubtful' : 'counts'} />
        </>
      )}
    </svg>
  );
}

export function Publishers({ feed, time }: { feed: Feed; time: number }) {
  const half = reach(feed);
  const places = pricePlaces(feed.indexPrice);
  const halfText = feed.indexPrice === '0' ? '' : `±${((half / Math.abs(toPlot(feed.indexPrice))) * 100).toFixed(2)} %`;
  const reasonsOf = (publisher: Publisher) => doubts(publisher, time);
  const columns: Column<Publisher>[] = [
    { name: 'Publisher', cell: (publisher) => <span title={publisher.key}>{publisherName(publisher)}</span> },
    {
      name: 'Against the index',
      unit: halfText,
      cell: (publisher) => <Strip feed={feed} publisher={publisher} half={half} isDoubtful={reasonsOf(publisher).length > 0} />,
    },
    { name: 'Off', isFigure: true, cell: (publisher) => <Deviation value={deviation(feed, publisher)} /> },
    {
      name: 'Counts',
      cell: (publisher) => {
        const reasons = reasonsOf(publisher);
        const tone = !publisher.counts ? 'alarm' : reasons.length > 0 ? 'warning' : 'ok';
        return (
          <Badge tone={tone}>
            {publisher.counts ? 'yes' : 'no'}
            {reasons.length > 0 && `: ${reasons.join(', ')}`}
          </Badge>
        );
      },
    },
    { name: 'Price', unit: 'USD', isFigure: true, cell: (publisher) => <Price value={publisher.price} places={places} /> },
    {
      name: 'Confidence',
      unit: '± USD',
      isFigure: true,
      cell: (publisher) => <Price value={publisher.confidence} places={places} />,
    },
    {
      name: 'Age',
      isFigure: true,
      cell: ({ publishedAt }) => <span class="number">{publishedAt === null ? '–' : duration(time - publishedAt)}</span>,
    },
    { name: 'Weight', isFigure: true, cell: ({ weight }) => <span class="number">{weight}</span> },
    {
      name: 'Penalty',
      isFigure: true,
      cell: ({ penalty }) => <span class={`number${sign(penalty) > 0 ? ' is-negative' : ''}`}>{percent(penalty, 1)}</span>,
    },
    { name: 'Source', isFigure: true, cell: ({ source }) => <span class="number">{source}</span> },
  ];
  return (
    <Table
      label={`Publishers of ${feed.name}`}
      columns={columns}
      rows={feed.publishers}
      rowKey={({ key }) => key}
      rowClass={(publisher) => (publisher.counts ? '' : 'is-off')}
      empty="No publisher."
    />
  );
}
