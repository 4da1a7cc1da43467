//! Decides which plots a report has and what each of them shows.

use plotly::common::{AxisSide, DashType, Fill, HoverInfo, Line, LineShape, Marker, Mode};
use plotly::layout::{Axis, BarMode};
use plotly::{Bar, Layout, Plot, Scatter};

use crate::outcome::{BreakerState, EQUITY_EDGES, EquitySnapshot, FeedSeries, FeedState, LAYERS, Series};

use super::sampling::{Sampling, find_focus, rounded};
use super::strips::{Piece, Row, strips};
use super::wording::{clock, escape, price};
use super::{Compared, ComparedSeries};

/// Names of shared time axes and of colours: the page replaces them, so that the times are stored once and a plot follows the theme.
const TIMES: &str = "@times";
const COMPARED_TIMES: &str = "@compared_times";
const MINUTES: &str = "@minutes";
pub(super) const SEAWALL: &str = "@seawall";
pub(super) const STATIC: &str = "@static";
const INK: &str = "@ink";
const MUTED: &str = "@muted";
const BAND: &str = "@band";
const CLEAR: &str = "@clear";
const SERIES_COLOURS: [&str; 8] = ["@c1", "@c2", "@c3", "@c4", "@c5", "@c6", "@c7", "@c8"];

/// A plot with the words around it.
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) unit: &'static str,
    /// What can be seen, for readers and for those who cannot see the plot.
    pub(super) caption: String,
    pub(super) key: Vec<Key>,
    pub(super) plot: Plot,
    /// Height in pixels.
    pub(super) height: usize,
    /// Over the whole width of the page.
    pub(super) wide: bool,
    /// Whether its horizontal axis is the drill's time, which all such plots zoom together.
    pub(super) timed: bool,
}

/// A line of a legend: colour, stroke and name.
#[derive(Clone, PartialEq)]
pub(super) struct Key {
    pub(super) colour: &'static str,
    pub(super) stroke: &'static str,
    pub(super) name: String,
}

impl Figure {
    fn new(title: impl Into<String>, unit: &'static str, caption: impl Into<String>) -> Self {
        let (title, caption) = (title.into(), caption.into());
        Self { title, unit, caption, key: vec![], plot: Plot::new(), height: 300, wide: false, timed: true }
    }

    /// Adds a line if it has any value.
    fn line(&mut self, times: &'static str, values: Vec<Option<f64>>, name: &str, style: Style) {
        if values.iter().all(Option::is_none) {
            return;
        }
        let line = Line::new().color(style.colour).width(style.width).dash(style.dash.clone());
        let line = if style.steps { line.shape(LineShape::Hv) } else { line };
        let trace = Scatter::new(vec![times], values).name(escape(name)).mode(Mode::Lines).line(line);
        let trace = if style.stacked { trace.stack_group("all") } else { trace };
        self.plot.add_trace(trace.connect_gaps(false));
        let stroke = match style.dash {
            DashType::Solid => "solid",
            DashType::Dot => "dotted",
            _ => "dashed",
        };
        self.key.push(Key { colour: style.colour, stroke, name: name.to_owned() });
    }

    /// Adds a thin line with an axis of its own on the right.
    fn line_on_the_right(&mut self, times: &'static str, values: Vec<Option<f64>>, name: &str) {
        let line = Line::new().color(MUTED).width(1.0).dash(DashType::Dot);
        let trace = Scatter::new(vec![times], values).name(escape(name)).mode(Mode::Lines).line(line).y_axis("y2");
        self.plot.add_trace(trace.connect_gaps(false));
        let right = Axis::new().overlaying("y").side(AxisSide::Right).show_grid(false).zero_line(false);
        self.plot.set_layout(Layout::new().y_axis2(right));
        self.key.push(Key { colour: MUTED, stroke: "dotted", name: name.to_owned() });
    }

    fn bars(&mut self, times: &'static str, values: Vec<Option<f64>>, name: &str, colour: &'static str) {
        if values.iter().all(Option::is_none) {
            return;
        }
        self.plot.add_trace(Bar::new(vec![times], values).name(escape(name)).marker(Marker::new().color(colour)));
        self.key.push(Key { colour, stroke: "solid", name: name.to_owned() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.plot.data().is_empty()
    }
}

/// How a line is drawn.
#[derive(Clone)]
struct Style {
    colour: &'static str,
    width: f64,
    dash: DashType,
    steps: bool,
    stacked: bool,
}

fn style(colour: &'static str, width: f64) -> Style {
    Style { colour, width, dash: DashType::Solid, steps: false, stacked: false }
}

/// Colours repeat after eight lines, then dotted.
fn nth(at: usize, width: f64) -> Style {
    let dash = if at < SERIES_COLOURS.len() { DashType::Solid } else { DashType::Dot };
    Style { dash, ..style(SERIES_COLOURS[at % SERIES_COLOURS.len()], width) }
}

/// A heading with its figures.
pub(super) struct Group {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) reading: &'static str,
    pub(super) figures: Vec<Figure>,
}

/// All plots of a report, and the times that they share.
pub(super) struct Plots {
    pub(super) groups: Vec<Group>,
    pub(super) times_ms: Vec<i64>,
    pub(super) compared_times_ms: Vec<i64>,
    pub(super) minutes_ms: Vec<i64>,
    pub(super) focus_ms: (i64, i64),
}

/// Draws everything.
pub(super) fn plots(series: &Series, compared: Option<&Compared>) -> Plots {
    let indices: Vec<&[f64]> = series.feeds.iter().map(|feed| &*feed.index).collect();
    let focus_ms = series.focus_ms.unwrap_or_else(|| find_focus(&series.time_ms, &indices));
    let none = ComparedSeries::default();
    let other = compared.map_or(&none, |compared| &compared.series);
    let draw = Draw {
        series,
        publishers: publishers(series),
        other,
        sampling: Sampling::new(&series.time_ms, focus_ms),
        other_sampling: Sampling::new(&other.time_ms, focus_ms),
        minutes_ms: minutes(series, other),
    };
    Plots {
        groups: draw.groups(),
        times_ms: draw.sampling.times_ms().to_vec(),
        compared_times_ms: draw.other_sampling.times_ms().to_vec(),
        minutes_ms: draw.minutes_ms,
        focus_ms,
    }
}

fn publishers(series: &Series) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for publisher in series.feeds.iter().flat_map(|feed| &feed.publishers) {
        if !names.contains(&&*publisher.name) {
            names.push(&publisher.name);
        }
    }
    names
}

const MINUTE_MS: i64 = 60_000;

fn minute_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(MINUTE_MS) * MINUTE_MS
}

/// Every minute that either venue counted in.
fn minutes(series: &Series, other: &ComparedSeries) -> Vec<i64> {
    let ours = series.minutes.iter().map(|minute| minute_of(minute.time_ms));
    let mut minutes: Vec<i64> = ours.chain(other.time_ms.iter().map(|time| minute_of(*time))).collect();
    minutes.sort_unstable();
    minutes.dedup();
    minutes
}

struct Draw<'a> {
    series: &'a Series,
    /// Every publisher once, so that a name has one colour in all plots.
    publishers: Vec<&'a str>,
    other: &'a ComparedSeries,
    sampling: Sampling,
    other_sampling: Sampling,
    minutes_ms: Vec<i64>,
}

impl Draw<'_> {
    fn groups(&self) -> Vec<Group> {
        let group = |id, title, reading, figures| Group { id, title, reading, figures };
        [
            group(
                "prices",
                "Prices",
                "Each venue's price against the index. The grey band is the index's confidence: it opens when venues disagree.",
                self.series.feeds.iter().map(|feed| self.prices(feed)).collect(),
            ),
            group(
                "stress",
                "Stress and margin",
                "Stress is the move that a feed must survive. Initial stress may jump; maintenance stress moves slowly, so that \
                 recalibration alone liquidates nobody.",
                vec![
                    self.stress("Initial stress", |feed| &feed.initial_stress_ppm),
                    self.stress("Maintenance stress", |feed| &feed.maintenance_stress_ppm),
                    self.initial_margin(),
                    self.equity(),
                ],
            ),
            group(
                "sales",
                "Liquidations and auctions",
                "What was sold by force, minute by minute.",
                vec![self.liquidations(), self.auctions(), self.forced_notional(), self.queue()],
            ),
            group(
                "losses",
                "Fund and waterfall",
                "Who stood behind the defaulters, and how far each layer was used.",
                vec![self.fund(), self.layers()],
            ),
            group(
                "market",
                "Open interest, feed states, breakers",
                "How much risk was open, and where the venue braked by itself.",
                vec![self.open_interest(), self.feed_states(), self.breakers(), self.apply_time()],
            ),
        ]
        .into_iter()
        .chain(self.systemic())
        .collect()
    }

    /// R14.1, where it was asked for.
    fn systemic(&self) -> Option<Group> {
        let found = self.series.systemic.as_ref()?;
        let mut at_mark = Figure::new(
            "Branching number at the mark",
            "",
            "How much of itself a move of 1 % from the mark causes, once a minute.",
        );
        let mut distance = Figure::new(
            "Distance to a cascade",
            "% of price",
            "The smallest move, either way, from which on forced sales feed themselves; nothing is drawn where none was seen within a \
             logarithm of 25 %.",
        );
        for (at, market) in found.markets.iter().enumerate() {
            let sample = |values: &[f64], scale: f64| -> Vec<Option<f64>> {
                let value = |minute: &i64| values.get(found.time_ms.binary_search(minute).ok()?).copied();
                let minutes = self.minutes_ms.iter().map(value);
                minutes
                    .map(|value| value.filter(|value| value.is_finite()).map(|value| rounded(value * scale)))
                    .collect()
            };
            at_mark.line(MINUTES, sample(&market.at_mark, 1.0), &market.symbol, nth(at, 1.4));
            distance.line(MINUTES, sample(&market.distance, 100.0), &market.symbol, nth(at, 1.4));
        }
        Some(Group {
            id: "systemic",
            title: "Systemic risk",
            reading: "What a move makes others sell, and how far their sales move the price again, at the depth that the rules believe in \
                      (exit cost, R5.6). Below 1 a shock dies out; from 1 on it feeds itself.",
            figures: vec![at_mark, distance],
        })
    }

    fn prices(&self, feed: &FeedSeries) -> Figure {
        let caption = self.low_point(feed);
        let mut figure = Figure::new(&feed.symbol, "USD", caption);
        self.band(&mut figure, feed);
        for publisher in &feed.publishers {
            let at = self.publishers.iter().position(|name| *name == publisher.name).unwrap_or_default();
            figure.line(TIMES, self.sampling.pick(&publisher.price), &publisher.name, nth(at, 1.0));
        }
        let slow = Style { dash: DashType::Dash, ..style(MUTED, 1.2) };
        figure.line(TIMES, self.sampling.pick(&feed.slow), "Slow price", slow);
        if let Some(marks) = self.other.marks.iter().find(|marks| marks.symbol == feed.symbol) {
            let mark = Style { dash: DashType::Dot, ..style(STATIC, 1.6) };
            figure.line(COMPARED_TIMES, self.other_sampling.pick(&marks.own_mark), "Static venue's mark", mark);
        }
        figure.line(TIMES, self.sampling.pick(&feed.index), "Index", style(INK, 1.8));
        figure
    }

    /// Where the index was lowest, and how far apart the venues were then: the sentence that a reader takes away.
    fn low_point(&self, feed: &FeedSeries) -> String {
        let finite =
            feed.index.iter().zip(&self.series.time_ms).enumerate().filter(|(_, (index, _))| index.is_finite());
        let Some((at, (index, time_ms))) = finite.min_by(|one, other| one.1.0.total_cmp(other.1.0)) else {
            return "No index was formed.".to_owned();
        };
        let then = feed.publishers.iter().filter_map(|publisher| publisher.price.get(at).copied());
        let then: Vec<f64> = then.filter(|price| price.is_finite()).collect();
        let least = then.iter().copied().fold(f64::INFINITY, f64::min);
        let most = then.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let said = match then.len() {
            0 => "no publisher spoke".to_owned(),
            1 => format!("one publisher spoke and said {}", price(least)),
            many => format!("{many} publishers said {} to {}", price(least), price(most)),
        };
        format!("Index lowest at {} UTC: {} USD; in that second {said}.", clock(*time_ms), price(*index))
    }

    fn band(&self, figure: &mut Figure, feed: &FeedSeries) {
        let [low, high] = [&feed.band_low, &feed.band_high].map(|edge| self.sampling.pick(edge));
        if low.iter().zip(&high).all(|(low, high)| low.is_none() || high.is_none()) {
            return;
        }
        let edge = |values| {
            let line = Line::new().width(0.0).color(CLEAR);
            Scatter::new(vec![TIMES], values).mode(Mode::Lines).line(line).hover_info(HoverInfo::Skip)
        };
        figure.plot.add_trace(edge(low));
        figure.plot.add_trace(edge(high).fill(Fill::ToNextY).fill_color(BAND));
        figure.key.push(Key { colour: BAND, stroke: "area", name: "Index ± confidence".to_owned() });
    }

    fn stress(&self, title: &str, of: impl Fn(&FeedSeries) -> &Vec<f64>) -> Figure {
        let mut figure =
            Figure::new(title, "% of price", format!("{title} of each feed over time, in percent of its price."));
        for (at, feed) in self.series.feeds.iter().enumerate() {
            let style = Style { steps: true, ..nth(at, 1.4) };
            figure.line(TIMES, self.scaled(of(feed), 1e4), &feed.symbol, style);
        }
        figure
    }

    fn initial_margin(&self) -> Figure {
        let caption = "Initial margin of all accounts over their gross notional.";
        let mut figure = Figure::new("Average initial margin", "% of notional", caption);
        let ratio = self.scaled(&self.series.average_initial_margin_ppm, 1e4);
        figure.line(TIMES, ratio, "Average initial margin", style(SEAWALL, 1.8));
        figure
    }

    fn equity(&self) -> Figure {
        let moments: Vec<String> = self.series.equity.iter().map(moment).collect();
        let caption = format!(
            "Accounts by equity over maintenance margin ({}). Below 1 an account is in breach, below 0 it is bankrupt.",
            if moments.is_empty() { "no snapshots".to_owned() } else { moments.join(", ") }
        );
        let mut figure = Figure { timed: false, ..Figure::new("Equity distribution", "accounts", caption) };
        let colours = [MUTED, "@c2", SEAWALL];
        for (at, snapshot) in self.series.equity.iter().enumerate() {
            let name = moment(snapshot);
            let accounts: Vec<Option<f64>> = snapshot.accounts.iter().map(|count| Some(*count as f64)).collect();
            let colour = colours[at % colours.len()];
            let bars = Bar::new(bins(), accounts).name(escape(&name)).marker(Marker::new().color(colour));
            figure.plot.add_trace(bars);
            figure.key.push(Key { colour, stroke: "solid", name });
        }
        figure.plot.set_layout(Layout::new().bar_mode(BarMode::Group));
        figure
    }

    /// Sums of the other venue's counts by minute, NaN counted as nothing.
    fn other_by_minute(&self, counts: &[f64]) -> Vec<Option<f64>> {
        if counts.is_empty() {
            return vec![];
        }
        let mut sums = vec![0.0; self.minutes_ms.len()];
        for (time, count) in self.other.time_ms.iter().zip(counts).filter(|(_, count)| count.is_finite()) {
            if let Ok(at) = self.minutes_ms.binary_search(&minute_of(*time)) {
                sums[at] += count;
            }
        }
        sums.into_iter().map(|sum| Some(rounded(sum))).collect()
    }

    fn by_minute(&self, figure_of: impl Fn(&crate::outcome::MinuteCounts) -> f64) -> Vec<Option<f64>> {
        let mut sums = vec![None; self.minutes_ms.len()];
        for minute in &self.series.minutes {
            let value = figure_of(minute);
            if let (Ok(at), true) = (self.minutes_ms.binary_search(&minute_of(minute.time_ms)), value.is_finite()) {
                sums[at] = Some(sums[at].unwrap_or(0.0) + value);
            }
        }
        sums.into_iter().map(|sum| sum.map(rounded)).collect()
    }

    fn liquidations(&self) -> Figure {
        let caption = "Accounts that entered liquidation in each minute.";
        let mut figure = Figure::new("Liquidations", "accounts a minute", caption);
        figure.bars(MINUTES, self.by_minute(|minute| minute.liquidations as f64), "Seawall", SEAWALL);
        figure.bars(MINUTES, self.other_by_minute(&self.other.liquidations), "Static venue", STATIC);
        figure.plot.set_layout(Layout::new().bar_mode(BarMode::Group));
        figure
    }

    fn auctions(&self) -> Figure {
        let caption = "Portfolios that reducing alone could not save and that standing bidders took, in each minute; beside them the \
                       positions that the static venue closed by auto-deleveraging.";
        let mut figure = Figure::new("Portfolio auctions", "a minute", caption);
        figure.bars(MINUTES, self.by_minute(|minute| minute.portfolio_auctions as f64), "Portfolio auctions", SEAWALL);
        let deleveraged = self.other_by_minute(&self.other.deleveraged);
        figure.bars(MINUTES, deleveraged, "Static venue's auto-deleveraged positions", STATIC);
        figure.plot.set_layout(Layout::new().bar_mode(BarMode::Group));
        figure
    }

    fn forced_notional(&self) -> Figure {
        let mut figure =
            Figure::new("Forced notional", "M USD a minute", "Notional sold or taken over by force in each minute.");
        figure.bars(MINUTES, self.by_minute(|minute| minute.forced_notional_usd / 1e6), "Seawall", SEAWALL);
        figure
    }

    fn queue(&self) -> Figure {
        let caption = "Accounts in breach that were waiting for a keeper on the static venue. Seawall's rules know no such queue: a \
                       breach is dealt with in its own block.";
        let mut figure = Figure::new("Queue of the static venue", "accounts waiting", caption);
        let queue = self.other_sampling.pick(&self.other.queue_length);
        figure.line(COMPARED_TIMES, queue, "Static venue", Style { steps: true, ..style(STATIC, 1.8) });
        figure
    }

    fn fund(&self) -> Figure {
        let mut figure =
            Figure::new("Fund equity", "M USD", "Equity of the fund over time, for both venues where compared.");
        figure.line(TIMES, self.scaled(&self.series.fund_usd, 1e6), "Seawall", style(SEAWALL, 1.8));
        let fund: Vec<f64> = self.other.fund_usd.iter().map(|fund| fund / 1e6).collect();
        figure.line(COMPARED_TIMES, self.other_sampling.pick(&fund), "Static venue", style(STATIC, 1.8));
        figure
    }

    fn layers(&self) -> Figure {
        let caption = "Loss beyond the defaulters' own collateral by the layer that bore it, summed since the start.";
        let mut figure = Figure::new("Waterfall layers", "M USD, cumulative", caption);
        let used = |values: &[f64]| values.iter().any(|value| value.is_finite() && *value != 0.0);
        for (at, (key, name)) in LAYERS.iter().enumerate() {
            if let Some((_, values)) =
                self.series.layers_usd.iter().find(|(layer, values)| layer == key && used(values))
            {
                let style = Style { steps: true, stacked: true, ..nth(at, 1.0) };
                figure.line(TIMES, self.scaled(values, 1e6), name, style);
            }
        }
        if figure.is_empty() && !self.series.layers_usd.is_empty() {
            "No layer was used: every loss stayed within the defaulters' own collateral."
                .clone_into(&mut figure.caption);
        }
        figure
    }

    fn open_interest(&self) -> Figure {
        let caption = "Open interest of each instrument at the index, one side, stacked.";
        let mut figure = Figure { wide: true, ..Figure::new("Open interest", "M USD", caption) };
        for (at, instrument) in self.series.instruments.iter().enumerate() {
            let values = self.scaled(&instrument.open_interest_usd, 1e6);
            figure.line(TIMES, values, &instrument.symbol, Style { stacked: true, ..nth(at, 0.8) });
        }
        figure
    }

    fn feed_states(&self) -> Figure {
        const STATES: [(&str, &str); 3] = [("Live", "@quiet"), ("Degraded", "@warn"), ("Down", "@stop")];
        let rows = self
            .series
            .feeds
            .iter()
            .map(|feed| Row { label: feed.symbol.clone(), pieces: self.feed_pieces(&feed.state) });
        let caption = "State of each feed. A degraded feed takes no new risk; a feed that is down causes no liquidations. States \
                       shorter than a pixel are drawn wider than they lasted.";
        self.strip_figure("Feed states", caption, rows.collect(), &STATES)
    }

    fn feed_pieces(&self, states: &[FeedState]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for (state, time_ms) in states.iter().zip(&self.series.time_ms) {
            let state = *state as usize;
            match pieces.last_mut() {
                Some(last) if last.state == state => last.until_ms = *time_ms,
                last => {
                    last.into_iter().for_each(|piece| piece.until_ms = *time_ms);
                    pieces.push(Piece { from_ms: *time_ms, until_ms: *time_ms, state, cause: String::new() });
                }
            }
        }
        pieces
    }

    fn breakers(&self) -> Figure {
        const STATES: [(&str, &str); 6] = [
            ("Normal", "@quiet"),
            ("Cautious", "@c5"),
            ("Reduce only", "@warn"),
            ("Call auction", "@c4"),
            ("Halted", "@stop"),
            ("Wind-down", "@ink"),
        ];
        let rows = self.series.instruments.iter().map(|instrument| Row {
            label: instrument.symbol.clone(),
            pieces: self.breaker_pieces(&instrument.breakers),
        });
        let caption = "Where each instrument's breaker stood; the cause appears under the pointer. Deposits, top-ups and orders that \
                       reduce risk work in every state.";
        self.strip_figure("Breakers", caption, rows.collect(), &STATES)
    }

    fn breaker_pieces(&self, steps: &[crate::outcome::BreakerStep]) -> Vec<Piece> {
        let (Some(first), Some(last)) = (self.series.time_ms.first(), self.series.time_ms.last()) else {
            return vec![];
        };
        let calm =
            Piece { from_ms: *first, until_ms: *last, state: BreakerState::Normal as usize, cause: String::new() };
        let mut pieces = vec![calm];
        for step in steps {
            pieces.iter_mut().for_each(|piece| piece.until_ms = piece.until_ms.min(step.time_ms));
            let cause = step.cause.clone();
            pieces.push(Piece { from_ms: step.time_ms, until_ms: *last, state: step.state as usize, cause });
        }
        pieces.retain(|piece| piece.until_ms > piece.from_ms);
        pieces
    }

    fn strip_figure(
        &self,
        title: &'static str,
        caption: &'static str,
        rows: Vec<Row>,
        states: &[(&'static str, &'static str)],
    ) -> Figure {
        let mut figure = Figure { wide: true, height: 70 + 22 * rows.len(), ..Figure::new(title, "", caption) };
        let span_ms = match &*self.series.time_ms {
            [first, .., last] => last - first,
            _ => 0,
        };
        figure.key = strips(&mut figure.plot, &rows, states, span_ms / 600);
        let ticks = (0..rows.len()).map(|row| row as f64).collect();
        let labels = rows.iter().map(|row| escape(&row.label)).collect();
        let axis = Axis::new().tick_values(ticks).tick_text(labels).range(vec![rows.len() as f64 - 0.5, -0.5]);
        figure.plot.set_layout(Layout::new().y_axis(axis.show_grid(false).zero_line(false).fixed_range(true)));
        figure
    }

    /// How long blocks took, with the price that drove them on the right.
    fn apply_time(&self) -> Figure {
        let caption = "Time to apply a block on the machine that ran the drill: the median, the 90th percentile and the longest \
                       of the minute before. Not part of the result.";
        let mut figure = Figure { wide: true, height: 260, ..Figure::new("Block apply time", "ms", caption) };
        let times = &self.series.block_us;
        figure.line(TIMES, self.scaled(&times.max, 1e3), "Longest", nth(2, 1.0));
        figure.line(TIMES, self.scaled(&times.p90, 1e3), "90th percentile", nth(1, 1.2));
        figure.line(TIMES, self.scaled(&times.p50, 1e3), "Median", nth(0, 1.6));
        if let Some(feed) = self.series.feeds.first() {
            let price = self.scaled(&feed.index, 1.0);
            figure.line_on_the_right(TIMES, price, &format!("{} index, USD (right)", feed.symbol));
        }
        figure
    }

    /// The chosen samples in units of `unit`.
    fn scaled(&self, values: &[f64], unit: f64) -> Vec<Option<f64>> {
        self.sampling.pick(values).into_iter().map(|value| value.map(|value| rounded(value / unit))).collect()
    }
}

fn moment(snapshot: &EquitySnapshot) -> String {
    format!("{} {} UTC", snapshot.label, clock(snapshot.time_ms))
}

/// `< 0`, `0–0.5`, … `≥ 10`.
fn bins() -> Vec<String> {
    let first = escape(&format!("< {}", EQUITY_EDGES[0]));
    let last = format!("≥ {}", EQUITY_EDGES[EQUITY_EDGES.len() - 1]);
    let between = EQUITY_EDGES.windows(2).map(|edges| format!("{}–{}", edges[0], edges[1]));
    std::iter::once(first).chain(between).chain([last]).collect()
}
