import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface CardProps {
  title: string;
  /** A unit or a span of time, beside the title. */
  aside?: ComponentChildren;
  href?: string;
  class?: string;
  children: ComponentChildren;
}

/** A titled part of a page. */
export function Card({ title, aside, href, class: extra = '', children }: CardProps) {
  const id = useId();
  return (
    <section class={`card ${extra}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{href ? <a href={href}>{title}</a> : title}</h2>
        {aside && <p class="aside">{aside}</p>}
      </header>
      {children}
    </section>
  );
}
