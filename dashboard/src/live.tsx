// Gives components the state, and draws them again when it changes.

import { createContext, type ComponentChildren } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { createSession, type Session } from './session';
import type { State } from './store';

/** Between two drawings: fast enough for the eye, slow enough for a cascade of events. */
const DRAW_EVERY_MS = 120;

const Live = createContext<{ session: Session; version: number } | null>(null);

export function LiveProvider({ children }: { children: ComponentChildren }) {
  const [version, setVersion] = useState(0);
  const session = useRef<Session | null>(null);
  const pending = useRef(false);
  if (!session.current) {
    session.current = createSession(() => {
      if (pending.current) return;
      pending.current = true;
      setTimeout(() => {
        pending.current = false;
        setVersion((before) => before + 1);
      }, DRAW_EVERY_MS);
    });
  }
  useEffect(() => {
    const own = session.current;
    if (!own) return;
    own.start();
    const retry = () => own.retry();
    addEventListener('online', retry);
    return () => removeEventListener('online', retry);
  }, []);
  return <Live.Provider value={{ session: session.current, version }}>{children}</Live.Provider>;
}

export function useLive(): State {
  const live = useContext(Live);
  if (!live) throw new Error('useLive needs a LiveProvider');
  return live.session.state;
}

export interface Polled<T> {
  data: T | null;
  failure: string | null;
}

/** Asks again and again while the page is seen. A new key forgets the old answer. */
export function usePolled<T>(key: string, everyMs: number, ask: (signal: AbortSignal) => Promise<T>): Polled<T> {
  const [answer, setAnswer] = useState<Polled<T> & { key: string }>({ key, data: null, failure: null });
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const round = async () => {
      if (!document.hidden) {
        try {
          const data = await ask(abort.signal);
          setAnswer({ key, data, failure: null });
        } catch (error) {
          if (abort.signal.aborted) return;
          const failure = error instanceof Error ? error.message : String(error);
          setAnswer((before) => ({ key, data: before.key === key ? before.data : null, failure }));
        }
      }
      if (!abort.signal.aborted) timer = setTimeout(() => void round(), everyMs);
    };
    void round();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key]);
  return answer.key === key ? answer : { data: null, failure: null };
}
