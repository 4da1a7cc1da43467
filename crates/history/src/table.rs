//! Decides which tables there are, and the name, type and meaning of every column.
//!
//! Amounts are decimals of fixed scale, in the units of people: USD and USD a unit in millionths, units in 10⁻¹², ratios in millionths.
//! So every tool reads them without loss and without knowing how large a lot is; `lot_places` says that too. A column is 64 bits wide
//! unless its values do not fit: many tools know no wider integers, and all know `DECIMAL(38, s)`.

use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;
use std::sync::Arc;

/// What is kept, a folder each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Every block.
    Blocks,
    /// Lots that changed hands.
    Fills,
    /// Accounts that breached, and how that ended.
    Liquidations,
    /// Portfolios that were offered and taken over.
    PortfolioAuctions,
    /// Losses, layer by layer.
    Losses,
    /// Positions that were closed against a defaulter's.
    Deleveraging,
    /// Rates of funding.
    Funding,
    /// Index, slow price, confidence and mark of every instrument, once a second.
    Prices,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 8] = [
        Self::Blocks,
        Self::Fills,
        Self::Liquidations,
        Self::PortfolioAuctions,
        Self::Losses,
        Self::Deleveraging,
        Self::Funding,
        Self::Prices,
    ];

    /// Its name, which is that of its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Fills => "fills",
            Self::Liquidations => "liquidations",
            Self::PortfolioAuctions => "portfolio_auctions",
            Self::Losses => "losses",
            Self::Deleveraging => "deleveraging",
            Self::Funding => "funding",
            Self::Prices => "prices",
        }
    }

    /// The table of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns, in order.
    pub(crate) fn schema(self) -> TypePtr {
        let text = format!("message {} {{ {HEAD} {} }}", self.name(), self.columns());
        Arc::new(parse_message_type(&text).expect("a schema of ours is well formed"))
    }

    /// The columns after height and time.
    fn columns(self) -> &'static str {
        match self {
            Self::Blocks => {
                "required fixed_len_byte_array(32) state_root;
                required int64 commands; required int64 rejections; required int64 refusals;
                required int64 first_event; required int64 events;"
            }
            Self::Fills => {
                "required int64 sequence; required int32 pool; required int64 account;
                required int32 instrument; required binary name (STRING);
                required fixed_len_byte_array(16) quantity (DECIMAL(38,12));
                required fixed_len_byte_array(16) price (DECIMAL(38,6));
                required fixed_len_byte_array(16) fee (DECIMAL(38,6));
                required boolean forced; required int32 lot_places;"
            }
            Self::Liquidations => {
                "required int64 sequence; required int32 pool; required int64 account; required binary event (STRING);
                optional fixed_len_byte_array(16) equity (DECIMAL(38,6));
                optional fixed_len_byte_array(16) maintenance_margin (DECIMAL(38,6));
                optional fixed_len_byte_array(16) shortfall (DECIMAL(38,6));"
            }
            Self::PortfolioAuctions => PORTFOLIO_AUCTIONS,
            Self::Losses => {
                "required int64 sequence; required int32 pool; required int64 defaulter; required binary layer (STRING);
                required fixed_len_byte_array(16) amount (DECIMAL(38,6)); optional int64 bearer;"
            }
            Self::Deleveraging => DELEVERAGING,
            Self::Funding => {
                "required int64 sequence; required int32 pool; required int32 instrument; required binary name (STRING);
                required int64 rate (DECIMAL(18,6));
                required fixed_len_byte_array(16) price (DECIMAL(38,6));
                required fixed_len_byte_array(16) paid_a_unit (DECIMAL(38,12));
                required int32 lot_places;"
            }
            Self::Prices => PRICES,
        }
    }
}

/// What every table begins with.
const HEAD: &str = "required int64 height; required int64 time (TIMESTAMP(MILLIS,true));";

const PORTFOLIO_AUCTIONS: &str =
    "required int64 sequence; required int32 pool; required int64 account; required binary event (STRING);
    optional int64 bidder;
    optional fixed_len_byte_array(16) notional (DECIMAL(38,6));
    optional fixed_len_byte_array(16) equity (DECIMAL(38,6));
    optional int64 premium_ratio (DECIMAL(18,6));
    optional fixed_len_byte_array(16) premium (DECIMAL(38,6));
    required int64 share (DECIMAL(18,6));";

const DELEVERAGING: &str =
    "required int64 sequence; required int32 pool; required int64 defaulter; required int64 account;
    required int32 instrument; required binary name (STRING);
    required fixed_len_byte_array(16) quantity (DECIMAL(38,12));
    required fixed_len_byte_array(16) price (DECIMAL(38,6));
    required fixed_len_byte_array(16) deficit (DECIMAL(38,6));
    required fixed_len_byte_array(16) gain (DECIMAL(38,6));
    required fixed_len_byte_array(16) all_gains (DECIMAL(38,6));
    required fixed_len_byte_array(16) haircut (DECIMAL(38,6));
    required fixed_len_byte_array(16) shared (DECIMAL(38,6));
    required fixed_len_byte_array(16) shared_gains (DECIMAL(38,6));
    required int32 lot_places;";

const PRICES: &str =
    "required int32 pool; required int32 instrument; required binary name (STRING); required int32 feed;
    required fixed_len_byte_array(16) index (DECIMAL(38,6));
    required fixed_len_byte_array(16) slow (DECIMAL(38,6));
    required fixed_len_byte_array(16) confidence (DECIMAL(38,6));
    optional fixed_len_byte_array(16) mark (DECIMAL(38,6));
    required fixed_len_byte_array(16) open_interest (DECIMAL(38,12));
    required int32 lot_places;";
