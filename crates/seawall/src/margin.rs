//! `seawall margin`: decides how a what-if document is read and how the core's answer is shown.

use crate::failure::Failure;
use crate::output::{self, bad, compact_table, decimal, good, heading, held, needed, paint, percent, readable};
use clap::Args;
use lab::what_if::{self, Answer, Binding, Fault, Format, InstrumentAnswer, LiquidationPrice, MAX_DOCUMENT, Matrix};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Computes the margin of one account: what it needs, the rows that bind, where it would be liquidated
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct MarginArgs {
    /// A TOML or JSON document with a market, its rules and one account; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Example: save this as alice.toml and run `seawall margin alice.toml`

  scenarios = \"default\"

  [[feeds]]
  name = \"ETH\"
  price = 3000               # USD
  initial_stress = 20        # %
  maintenance_stress = 10    # %

  [[instruments]]
  name = \"ETH-PERP\"
  feed = \"ETH\"
  kind = \"perpetual\"         # or dated, spot
  lot = 0.001                # ETH
  exit_cost = [{ rate = 0.05 }, { from_usd = 100000, rate = 0.5 }]    # % of the mark, by tier

  [account]
  cash = -24000              # USD: 6,000 deposited, 30,000 paid for the position
  positions = { ETH-PERP = 10 }

More documents, with every field explained: examples/margin/.
Exit codes:
  0   computed, whatever the answer
  2   usage
  65  the document is malformed
  74  the document could not be read";

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &MarginArgs) -> Result<u8, Failure> {
    let stream = args.file == Path::new("-");
    let name = if stream { "standard input".to_owned() } else { args.file.display().to_string() };
    let bytes = read(&args.file).map_err(|error| Failure::io(&format!("{name}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        Failure::data(format!("{name}:{line}: not UTF-8 text: byte {}\nhint: a document is TOML or JSON", at + 1))
    })?;
    let refused = |fault: Fault| {
        let line = fault.line.map_or(String::new(), |line| format!(":{line}"));
        let hint = fault.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
        Failure::data(format!("{name}{line}: {fault}{hint}"))
    };
    let answer = what_if::answer(&text, format(&args.file, &text)).map_err(refused)?;
    if args.json {
        output::print_json(&sheet(&answer))?;
    } else {
        output::print(&human(&answer, output::colourful()))?;
    }
    Ok(0)
}

/// At most one byte more than a document may have: enough to refuse an endless stream.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_DOCUMENT).unwrap_or(u64::MAX) + 1;
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn format(file: &Path, text: &str) -> Format {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Format::Json,
        Some("toml") => Format::Toml,
        _ => Format::of(text),
    }
}

fn human(answer: &Answer, colours: bool) -> String {
    let title = |text: &str| format!("\n{}\n", paint(text, heading(), colours));
    let mut text = String::new();
    if let Some(name) = &answer.title {
        text.push_str(&format!("{}\n\n", paint(name, heading(), colours)));
    }
    text.push_str(&summary(answer, colours));
    text.push_str(&title("Liquidation prices (of the feed, every other feed unchanged)"));
    text.push_str(&liquidation_table(&answer.instruments));
    text.push_str(&title("Stressed equity by row, exit cost subtracted, worst first (USD)"));
    text.push_str(&row_table(answer));
    text
}

fn summary(answer: &Answer, colours: bool) -> String {
    let (verdict, style) = match (answer.breaches, answer.free_collateral.is_negative()) {
        (true, _) => ("breach: the account would be liquidated now", bad()),
        (false, true) => ("below initial margin: positions can only be reduced", bad()),
        (false, false) => ("sound", good()),
    };
    let ratio = answer.margin_ratio.map_or("–".to_owned(), |ratio| percent(ratio).replace(" %", ""));
    let line = |name: &str, value: String, note: String| vec![name.to_owned(), value, note];
    let binds = |binding: &Binding| format!("USD  binds: {}", binding.row);
    let usd = || "USD".to_owned();
    let cost = format!("USD  of which in maintenance rows: {}", needed(answer.maintenance_exit_cost));
    let mut rows = vec![
        line("equity", held(answer.equity), usd()),
        line("notional", needed(answer.notional), usd()),
        line("initial margin", needed(answer.initial_margin), binds(&answer.binding_initial)),
        line("maintenance margin", needed(answer.maintenance_margin), binds(&answer.binding_maintenance)),
        line("free collateral", held(answer.free_collateral), usd()),
        line("margin ratio", ratio, "%    maintenance margin ⁄ equity".to_owned()),
        line("exit cost", needed(answer.initial_exit_cost), cost),
    ];
    if !answer.doubt.is_zero() {
        let note = "USD  uncertainty of prices: lowers free collateral, is granted before a breach";
        rows.push(line("doubt", needed(answer.doubt), note.to_owned()));
    }
    format!("{}\n{}", paint(verdict, style, colours), compact_table(&[], "lrl", rows))
}

fn liquidation_table(instruments: &[InstrumentAnswer]) -> String {
    let found = |price: &Option<LiquidationPrice>| match price {
        Some(price) => [readable(&price.price), percent(price.step)],
        None => ["none".to_owned(), String::new()],
    };
    let row = |line: &InstrumentAnswer| {
        let [down, down_by] = found(&line.liquidation_down);
        let [up, up_by] = found(&line.liquidation_up);
        vec![
            line.name.clone(),
            line.feed.clone(),
            readable(&line.quantity),
            readable(&line.price),
            down,
            down_by,
            up,
            up_by,
        ]
    };
    let header = ["instrument", "feed", "quantity", "price", "down to", "", "up to", ""];
    compact_table(&header, "llrrrrrr", instruments.iter().map(row).collect())
}

/// One line a row: in which matrices it stands, and what is left in it.
fn row_table(answer: &Answer) -> String {
    let mut rows: Vec<_> = answer.rows.iter().filter(|row| row.matrix != Matrix::Target).collect();
    rows.sort_by_key(|row| row.after_exit_cost);
    let binding = [(&answer.binding_maintenance, Matrix::Maintenance), (&answer.binding_initial, Matrix::Initial)];
    let line = |row: &&what_if::RowValue| {
        let binds = binding.iter().any(|(binding, matrix)| binding.row == row.name && *matrix == row.matrix);
        let mark = if binds { "◄ binds" } else { "" };
        vec![
            row.name.clone(),
            matrix_name(row.matrix).to_owned(),
            held(row.before_exit_cost),
            held(row.after_exit_cost),
            mark.to_owned(),
        ]
    };
    compact_table(
        &["row", "matrix", "before exit cost", "stressed equity", ""],
        "llrrl",
        rows.iter().map(line).collect(),
    )
}

fn matrix_name(matrix: Matrix) -> &'static str {
    match matrix {
        Matrix::Maintenance => "maintenance",
        Matrix::Target => "target",
        Matrix::Initial => "initial",
    }
}

/// The answer as JSON: money in USD as decimal numbers to the last quantum.
#[derive(Serialize)]
struct Sheet<'a> {
    title: Option<&'a str>,
    equity_usd: Box<RawValue>,
    notional_usd: Box<RawValue>,
    initial_margin_usd: Box<RawValue>,
    maintenance_margin_usd: Box<RawValue>,
    free_collateral_usd: Box<RawValue>,
    margin_ratio: Option<f64>,
    breaches: bool,
    exit_cost_usd: ExitCostSheet,
    doubt_usd: Box<RawValue>,
    binding: BindingsSheet<'a>,
    rows: Vec<RowSheet<'a>>,
    liquidation_prices: Vec<LiquidationSheet<'a>>,
}

#[derive(Serialize)]
struct ExitCostSheet {
    maintenance: Box<RawValue>,
    initial: Box<RawValue>,
}

#[derive(Serialize)]
struct BindingsSheet<'a> {
    maintenance: BindingSheet<'a>,
    initial: BindingSheet<'a>,
}

#[derive(Serialize)]
struct BindingSheet<'a> {
    row: &'a str,
    stressed_equity_usd: Box<RawValue>,
}

#[derive(Serialize)]
struct RowSheet<'a> {
    row: &'a str,
    matrix: &'static str,
    before_exit_cost_usd: Box<RawValue>,
    stressed_equity_usd: Box<RawValue>,
}

#[derive(Serialize)]
struct LiquidationSheet<'a> {
    instrument: &'a str,
    feed: &'a str,
    quantity: Box<RawValue>,
    price: Box<RawValue>,
    down: Option<PriceSheet>,
    up: Option<PriceSheet>,
}

#[derive(Serialize)]
struct PriceSheet {
    price: Box<RawValue>,
    move_percent: f64,
}

/// A number of JSON from its decimal text.
fn number(text: String) -> Box<RawValue> {
    RawValue::from_string(text).expect("a decimal number is JSON")
}

fn sheet(answer: &Answer) -> Sheet<'_> {
    let usd = |money| number(decimal(money));
    let binding = |of: &Binding| usd(of.value);
    let (maintenance, initial) = (&answer.binding_maintenance, &answer.binding_initial);
    Sheet {
        title: answer.title.as_deref(),
        equity_usd: usd(answer.equity),
        notional_usd: usd(answer.notional),
        initial_margin_usd: usd(answer.initial_margin),
        maintenance_margin_usd: usd(answer.maintenance_margin),
        free_collateral_usd: usd(answer.free_collateral),
        margin_ratio: answer.margin_ratio.map(|ratio| fraction(ratio.get(), 1e6)),
        breaches: answer.breaches,
        exit_cost_usd: ExitCostSheet {
            maintenance: usd(answer.maintenance_exit_cost),
            initial: usd(answer.initial_exit_cost),
        },
        doubt_usd: usd(answer.doubt),
        binding: BindingsSheet {
            maintenance: BindingSheet { row: &maintenance.row, stressed_equity_usd: binding(maintenance) },
            initial: BindingSheet { row: &initial.row, stressed_equity_usd: binding(initial) },
        },
        rows: answer.rows.iter().map(row_sheet).collect(),
        liquidation_prices: answer.instruments.iter().map(liquidation_sheet).collect(),
    }
}

fn row_sheet(row: &what_if::RowValue) -> RowSheet<'_> {
    RowSheet {
        row: &row.name,
        matrix: matrix_name(row.matrix),
        before_exit_cost_usd: number(decimal(row.before_exit_cost)),
        stressed_equity_usd: number(decimal(row.after_exit_cost)),
    }
}

fn liquidation_sheet(line: &InstrumentAnswer) -> LiquidationSheet<'_> {
    let price = |found: &LiquidationPrice| PriceSheet {
        price: number(found.price.clone()),
        move_percent: fraction(found.step.get(), 1e4),
    };
    LiquidationSheet {
        instrument: &line.name,
        feed: &line.feed,
        quantity: number(line.quantity.clone()),
        price: number(line.price.clone()),
        down: line.liquidation_down.as_ref().map(price),
        up: line.liquidation_up.as_ref().map(price),
    }
}

/// A count of parts as a float, for ratios only: they have few enough digits to be shown as they are.
fn fraction(parts: i64, whole: f64) -> f64 {
    parts as f64 / whole
}
