import type { ComponentChildren } from 'preact';
import type { Tone } from '../words';
import { ToneIcon } from './icons';

interface TileProps {
  question: string;
  href: string;
  tone: Tone;
  figure: ComponentChildren;
  note: string;
  spark?: ComponentChildren;
}

/** A question of the person on duty, with its answer; leads to the page that shows why. */
export function Tile({ question, href, tone, figure, note, spark }: TileProps) {
  return (
    <a class={`tile tone-${tone}`} href={href}>
      <span class="question">
        <ToneIcon tone={tone} />
        {question}
      </span>
      <strong class="answer number">{figure}</strong>
      <span class="note number">{note}</span>
      {spark}
    </a>
  );
}
