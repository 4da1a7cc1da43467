import { magnitude, ratio } from '../decimal';
import { percent, pricePlaces } from '../format';
import { useLive } from '../live';
import { Price } from '../parts/amount';
import { Badge } from '../parts/badge';
import { Card } from '../parts/card';
import { Events } from '../parts/events';
import { Figure, Figures } from '../parts/figures';
import { Notice } from '../parts/notice';
import { Publishers } from '../parts/publishers';
import { link } from '../route';
import type { Feed } from '../types';
import { conditionTone } from '../words';

function FeedCard({ feed, time }: { feed: Feed; time: number }) {
  const places = pricePlaces(feed.indexPrice);
  const counting = feed.publishers.filter(({ counts }) => counts).length;
  const width = ratio(feed.confidence, magnitude(feed.indexPrice));
  return (
    <Card
      title={feed.name}
      href={link.feed(feed.feed)}
      class="feed"
      aside={
        <>
          <Badge tone={conditionTone(feed.condition)}>{feed.condition.toLowerCase()}</Badge> {counting} of{' '}
          {feed.publishers.length} publishers count
        </>
      }
    >
      <Figures>
        <Figure name="Index, USD">
          <Price value={feed.indexPrice} />
        </Figure>
        <Figure name="Confidence, ± USD" note={width === null ? undefined : `± ${percent(width, 3)}`}>
          <Price value={feed.confidence} places={places} />
        </Figure>
        <Figure name="Slow price, USD">
          <Price value={feed.slowPrice} places={places} />
        </Figure>
        <Figure name="Volatility a day">
          <span class="number">{percent(feed.volatilityADay, 2)}</span>
        </Figure>
      </Figures>
      <Publishers feed={feed} time={time} />
    </Card>
  );
}

/** Every feed, or one with its history. */
export function FeedsPage({ only }: { only?: number }) {
  const state = useLive();
  const shown = only === undefined ? state.feeds : state.feeds.filter(({ feed }) => feed === only);
  const rank = (feed: Feed) => ['Down', 'Degraded', 'Live'].indexOf(feed.condition);
  const events = state.notable.events.filter(({ feed }) => feed === only);
  return (
    <div class="page">
      {only !== undefined && (
        <p class="crumbs">
          <a href={link.feeds()}>Feeds</a>
        </p>
      )}
      <h1>{only === undefined ? 'Feeds' : `Feed ${shown[0]?.name ?? only}`}</h1>
      <p class="legend feed-legend">
        <span>
          <i class="swatch band" /> confidence band around the index
        </span>
        <span>
          <i class="swatch dot" /> a report with its own confidence
        </span>
        <span>
          <i class="swatch triangle" /> in doubt
        </span>
        <span>
          <i class="swatch beyond" /> beyond the scale
        </span>
      </p>
      {shown.length === 0 && <Notice tone="warning">There is no such feed.</Notice>}
      {[...shown]
        .sort((left, right) => rank(left) - rank(right))
        .map((feed) => (
          <FeedCard key={feed.feed} feed={feed} time={state.time} />
        ))}
      {only !== undefined && (
        <Card title="What happened to it" aside="newest first">
          <Events
            events={events.slice(-40).reverse()}
            label="Events of the feed"
            empty="Nothing notable in what the node keeps."
          />
        </Card>
      )}
    </div>
  );
}
