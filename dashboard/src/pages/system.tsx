import { api } from '../api';
import { clock, count, duration, milliseconds, shortHex, tick } from '../format';
import { useLive, usePolled } from '../live';
import { Card } from '../parts/card';
import { Figure, Figures } from '../parts/figures';
import { EventLog } from '../parts/log';
import { Meter } from '../parts/meter';
import { Notice } from '../parts/notice';
import { Plot } from '../parts/plot';
import { Table, type Column } from '../parts/table';
import type { State } from '../store';
import type { Block, Status } from '../types';
import type { Tone } from '../words';

const BLOCKS = 120;
const BLOCKS_IN_TABLE = 20;

function StatusFigures({ status }: { status: Status }) {
  const { blockMs, lastBlock } = status;
  return (
    <Figures>
      <Figure name="Block interval" note={`version ${status.version}, ${status.mode} mode`}>
        <span class="number">{milliseconds(status.blockIntervalMs)}</span>
      </Figure>
      <Figure name="Time to apply a block" note="median">
        <span class="number">{milliseconds(blockMs.p50)}</span>
      </Figure>
      <Figure name="99th percentile" note={`longest ${milliseconds(blockMs.max)}`}>
        <span class="number">{milliseconds(blockMs.p99)}</span>
      </Figure>
      <Figure name="Commands a second" note={`last block ${count(lastBlock.commands)}`}>
        <span class="number">{status.commandsPerSecond.toFixed(1)}</span>
      </Figure>
      <Figure name="Last block" note={`${count(lastBlock.refusals)} refused`}>
        <span class="number">{count(lastBlock.rejections)} rejected</span>
      </Figure>
      <Figure name="Up for" note={`network ${shortHex(status.network)}`}>
        <span class="number">{duration(status.uptimeMs)}</span>
      </Figure>
    </Figures>
  );
}

function Lane({ name, waiting, capacity }: { name: string; waiting: number; capacity: number }) {
  const share = capacity > 0 ? waiting / capacity : 0;
  const tone: Tone = share >= 0.95 ? 'alarm' : share >= 0.8 ? 'warning' : 'ok';
  return (
    <div class="lane">
      <dt>{name}</dt>
      <dd>
        <Meter share={share} tone={tone} label={`${name}: ${waiting} of ${capacity}`} />
        <span class="number">
          {count(waiting)} of {count(capacity)}
        </span>
      </dd>
    </div>
  );
}

function IntakeCard({ status }: { status: Status }) {
  const { intake } = status;
  return (
    <Card title="Intake queues" aside="commands that wait for a block">
      <dl class="lanes">
        <Lane name="Urgent" waiting={intake.urgentWaiting} capacity={intake.urgentCapacity} />
        <Lane name="Ordinary" waiting={intake.waiting} capacity={intake.capacity} />
      </dl>
      <Figures>
        <Figure name="Accepted">
          <span class="number">{count(intake.accepted)}</span>
        </Figure>
        <Figure name="Refused" note="no authority">
          <span class="number">{count(intake.refused)}</span>
        </Figure>
        <Figure name="Busy" note="no room">
          <span class="number">{count(intake.busy)}</span>
        </Figure>
      </Figures>
    </Card>
  );
}

function StreamCard({ state }: { state: State }) {
  const { sequence } = state;
  return (
    <Card title="Stream" aside="what this page received">
      <Figures>
        <Figure name="Next event">
          <span class="number" id="next-event">
            {count(sequence.next)}
          </span>
        </Figure>
        <Figure name="Received" note="since the page was opened">
          <span class="number">{count(sequence.taken)}</span>
        </Figure>
        <Figure name="Reconnects">
          <span class="number" id="reconnects">
            {count(state.reconnects)}
          </span>
        </Figure>
        <Figure name="Holes" note="each asked for again">
          <span class="number" id="holes">
            {count(sequence.holes)}
          </span>
        </Figure>
        <Figure name="Doubled" note="each taken once">
          <span class="number" id="doubled">
            {count(sequence.doubled)}
          </span>
        </Figure>
        <Figure name="Lost" note="no longer kept by the node">
          <span class="number" id="lost">
            {count(sequence.lost)}
          </span>
        </Figure>
      </Figures>
    </Card>
  );
}

function BlockPlot({ blocks }: { blocks: Block[] }) {
  const shown = [...blocks].reverse();
  return (
    <Plot
      label={`Time to apply each of the last ${blocks.length} blocks`}
      unit="ms"
      height={200}
      data={[shown.map(({ time }) => time / 1_000), shown.map(({ applyMs }) => applyMs)]}
      lines={[{ name: 'time to apply', colour: '--plot-1', fill: '--plot-1-soft', isStepped: true }]}
      range={(_, high) => [0, Math.max(1, high * 1.1)]}
      show={(value) => value.toFixed(2)}
      tick={tick}
    />
  );
}

const BLOCK_COLUMNS: Column<Block>[] = [
  { name: 'Block', isFigure: true, cell: ({ height }) => <span class="number">{count(height)}</span> },
  { name: 'Time', cell: ({ time }) => <span class="number">{clock(time)}</span> },
  { name: 'Commands', isFigure: true, cell: ({ commands }) => <span class="number">{count(commands)}</span> },
  { name: 'Rejections', isFigure: true, cell: ({ rejections }) => <span class="number">{count(rejections)}</span> },
  { name: 'Events', isFigure: true, cell: ({ events }) => <span class="number">{count(events)}</span> },
  { name: 'Apply', unit: 'ms', isFigure: true, cell: ({ applyMs }) => <span class="number">{applyMs.toFixed(2)}</span> },
  {
    name: 'State root',
    cell: ({ stateRoot }) => (
      <span class="number" title={stateRoot}>
        {shortHex(stateRoot)}
      </span>
    ),
  },
];

export function SystemPage() {
  const state = useLive();
  const blocks = usePolled('blocks', 2_000, (signal) => api.blocks(BLOCKS, signal));
  const rows = blocks.data?.blocks ?? [];
  return (
    <div class="page">
      <h1>System</h1>
      {state.status ? <StatusFigures status={state.status} /> : <Notice tone="note">Asking the node.</Notice>}
      <div class="grid halves">
        {state.status && <IntakeCard status={state.status} />}
        <StreamCard state={state} />
        <Card title="Block times" aside={`last ${count(rows.length)} blocks`}>
          {blocks.failure && <Notice tone="warning">{blocks.failure}</Notice>}
          <BlockPlot blocks={rows} />
        </Card>
        <Card title="Blocks" aside="newest first">
          <Table
            label="Blocks"
            columns={BLOCK_COLUMNS}
            rows={rows.slice(0, BLOCKS_IN_TABLE)}
            rowKey={({ height }) => height}
            empty="No block yet."
            isLong
          />
        </Card>
      </div>
      <EventLog />
    </div>
  );
}
