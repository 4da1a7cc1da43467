//! Draws a small plot of lines as SVG inside a page, in the page's own colours, light or dark.

use super::wording::escape;
use crate::museum::exhibit::Plot;
use plotters::prelude::*;

const WIDTH: u32 = 560;
const HEIGHT: u32 = 260;
/// Stand-ins that no plot uses, each replaced by a colour of the page.
const INK: (RGBColor, &str) = (RGBColor(1, 2, 3), "soft");
const RULE: (RGBColor, &str) = (RGBColor(2, 3, 4), "grid");
const LINES: [(RGBColor, &str); 6] = [
    (RGBColor(3, 4, 5), "c1"),
    (RGBColor(4, 5, 6), "c2"),
    (RGBColor(5, 6, 7), "c3"),
    (RGBColor(6, 7, 8), "c4"),
    (RGBColor(7, 8, 9), "c7"),
    (RGBColor(8, 9, 10), "c8"),
];

/// A figure with its legend; nothing if the plot has no points.
pub(super) fn figure(plot: &Plot) -> String {
    let Some(svg) = svg(plot) else { return String::new() };
    let key = |(line, (_, colour)): (&crate::museum::exhibit::Line, &(RGBColor, &str))| {
        format!("<li><i style=\"--k:var(--{colour})\"></i>{}</li>", escape(&line.name))
    };
    let keys: String = plot.lines.iter().zip(LINES.iter().cycle()).map(key).collect();
    format!(
        "<figure>\n<h3>{title} <small>{up}, by {across}</small></h3>\n<ul class=\"key\">{keys}</ul>\n\
         <div role=\"img\" aria-label=\"{title}\">{svg}</div>\n</figure>\n",
        title = escape(&plot.title),
        up = escape(&plot.up),
        across = escape(&plot.across),
    )
}

/// The least and the most of what is finite.
fn span(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.filter(|value| value.is_finite());
    finite.fold(None, |span: Option<(f64, f64)>, value| {
        Some(span.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    })
}

fn svg(plot: &Plot) -> Option<String> {
    let points = || plot.lines.iter().flat_map(|line| &line.points);
    let (left, right) = span(points().map(|point| point.0))?;
    let shown = |value: f64| !plot.logarithmic || value > 0.0;
    let (low, high) = span(points().map(|point| point.1).filter(|value| shown(*value)))?;
    let mut svg = String::new();
    let across = (left, if right > left { right } else { left + 1.0 });
    let drawn = if plot.logarithmic {
        let up = (low / 1.2..high * 1.2).log_scale();
        draw(&mut svg, plot, across, up)
    } else {
        let room = if high > low { (high - low) * 0.06 } else { high.abs().max(1.0) * 0.1 };
        draw(&mut svg, plot, across, low - room..high + room)
    };
    drawn.ok()?;
    for (colour, name) in [INK, RULE].into_iter().chain(LINES) {
        let hex = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
        svg = svg.replace(&hex, &format!("var(--{name})"));
    }
    // As wide as its column, and no wider.
    let size = format!("<svg width=\"{WIDTH}\" height=\"{HEIGHT}\"");
    let svg = svg.replacen(&size, "<svg style=\"width:100%;height:auto\"", 1);
    // Inside a page the namespace goes without saying.
    Some(svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1))
}

fn draw<R>(
    svg: &mut String,
    plot: &Plot,
    across: (f64, f64),
    up: R,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>>
where
    R: plotters::coord::ranged1d::AsRangedCoord<Value = f64>,
    R::CoordDescType: plotters::coord::ranged1d::ValueFormatter<f64> + Ranged<ValueType = f64>,
{
    let area = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(6)
        .margin_right(18) // half of the last label
        .x_label_area_size(24)
        .y_label_area_size(64)
        .build_cartesian_2d(across.0..across.1, up)?;
    chart
        .configure_mesh()
        .x_labels(7)
        .y_labels(6)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .label_style(("sans-serif", 12).into_font().color(&INK.0))
        .axis_style(RULE.0)
        .bold_line_style(RULE.0)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (line, (colour, _)) in plot.lines.iter().zip(LINES.iter().cycle()) {
        let shown = |point: &&(f64, f64)| point.1.is_finite() && (!plot.logarithmic || point.1 > 0.0);
        let points = line.points.iter().filter(shown).copied();
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    area.present()
}

/// Few digits and a word for the magnitude: `1.2 M`.
fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " bn"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let decimals = match scaled.abs() {
        0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 1.0 => 2,
        _ => 4,
    };
    let digits = format!("{scaled:.decimals$}");
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{}{unit}", digits.replace('-', "−"))
}

#[cfg(test)]
mod tests {
    use super::{figure, short};
    use crate::museum::exhibit::{Line, Plot};

    #[test]
    fn labels_are_short() {
        for (value, text) in [(0.0, "0"), (1_500_000.0, "1.5 M"), (-20.0, "−20"), (0.0382, "0.0382"), (4.2e9, "4.2 bn")]
        {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn a_plot_wears_the_colours_of_the_page_and_text_stays_text() {
        let points = vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)];
        let line = Line { name: "<b>price".into(), points };
        let plot = Plot {
            title: "a & b".into(),
            across: "minutes".into(),
            up: "USD".into(),
            logarithmic: false,
            lines: vec![line],
        };
        for plot in [plot.clone(), Plot { logarithmic: true, ..plot }] {
            let html = figure(&plot);
            assert!(html.contains("var(--c1)") && html.contains("var(--grid)") && !html.contains("#0"), "{html}");
            assert!(html.contains("&lt;b&gt;price") && html.contains("a &amp; b") && !html.contains("NaN"), "{html}");
        }
    }

    #[test]
    fn what_has_no_points_is_not_drawn() {
        assert_eq!(figure(&Plot::default()), "");
        let line = Line { name: "none".into(), points: vec![(0.0, f64::NAN)] };
        assert_eq!(figure(&Plot { lines: vec![line], ..Plot::default() }), "");
    }
}
