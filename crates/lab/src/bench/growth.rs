//! Draws how figures grow with the number of accounts: one line a figure, both axes logarithmic, as SVG.

use super::{Row, Workload};
use plotters::prelude::*;
use std::collections::BTreeMap;

/// The rows of one size.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The number of accounts.
    pub accounts: u32,
    /// What was measured.
    pub rows: Vec<Row>,
}

const WIDTH: u32 = 1_100;
const HEIGHT: u32 = 720;
/// Colours that stay apart for readers who do not see red and green (Okabe and Ito 2008), then darker ones.
const COLOURS: [RGBColor; 12] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(0, 57, 89),
    RGBColor(107, 47, 0),
    RGBColor(0, 79, 57),
    RGBColor(102, 60, 83),
    RGBColor(150, 140, 20),
];

/// A figure with its points: accounts, and milliseconds or megabytes.
type Line = (String, Vec<(f64, f64)>);

/// The figures that depend on the number of accounts, the largest first, so that the legend has the order of the lines.
fn lines(sizes: &[Growth]) -> Vec<Line> {
    let mut lines: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let fixed = [Workload::Margin, Workload::Auction, Workload::Commands].map(Workload::name);
    for size in sizes {
        for row in size.rows.iter().filter(|row| !fixed.contains(&row.workload)) {
            let (unit, factor) = match row.unit {
                "s" => ("ms", 1e3),
                unit @ ("ms" | "MB") => (unit, 1.0),
                _ => continue,
            };
            let Some(value) = row.value.filter(|value| *value > 0.0) else { continue };
            let line = lines.entry(format!("{}, {unit}", row.what)).or_default();
            line.push((f64::from(size.accounts), value * factor));
        }
    }
    let mut lines: Vec<Line> = lines.into_iter().collect();
    let last = |line: &Line| line.1.last().map_or(0.0, |point| point.1);
    lines.sort_by(|one, other| last(other).total_cmp(&last(one)));
    lines
}

/// The plot.
///
/// # Errors
/// If nothing was measured at two sizes or more, or drawing fails.
pub fn plot(sizes: &[Growth]) -> Result<String, String> {
    let lines = lines(sizes);
    let xs = || lines.iter().flat_map(|line| &line.1).map(|point| point.0);
    let ys = || lines.iter().flat_map(|line| &line.1).map(|point| point.1);
    let (left, right) = (xs().fold(f64::MAX, f64::min), xs().fold(0.0, f64::max));
    if left >= right {
        return Err("no plot: found figures of one size, allowed two or more".to_owned());
    }
    let (low, high) = (ys().fold(f64::MAX, f64::min), ys().fold(0.0, f64::max));
    let mut svg = String::new();
    draw(&mut svg, &lines, (left, right), (low / 2.0, high * 2.0)).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn draw(
    svg: &mut String,
    lines: &[Line],
    across: (f64, f64),
    up: (f64, f64),
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
    let area = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    area.fill(&WHITE)?;
    let (plot, legend) = area.split_horizontally(WIDTH - 400);
    let mut chart = ChartBuilder::on(&plot)
        .caption("growth with the number of accounts", ("sans-serif", 22))
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d((across.0..across.1).log_scale(), (up.0..up.1).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("accounts")
        .y_desc("milliseconds; megabytes where the legend says so")
        .x_label_formatter(&|accounts| super::count(*accounts as u64))
        .y_label_formatter(&|value| format!("{value}"))
        .label_style(("sans-serif", 16))
        .light_line_style(WHITE)
        .draw()?;
    for (at, (name, points)) in lines.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 4, colour.filled())))?;
        let y = 56 + 30 * at as i32;
        legend.draw(&PathElement::new([(8, y), (40, y)], colour.stroke_width(3)))?;
        legend.draw(&Text::new(name.clone(), (48, y - 8), ("sans-serif", 16).into_font().color(&BLACK)))?;
    }
    area.present()
}
