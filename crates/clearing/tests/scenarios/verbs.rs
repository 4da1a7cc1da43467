//! What each verb of a scenario does to its world: one line becomes commands that wait for the next block.

use crate::parameters::{key, set_feed, set_instrument, set_pool};
use crate::values::{money, price, quantity, ratio, time};
use crate::world::{FeedNames, PoolNames, Queued, Word, World, feed, perpetual, publishers, spot};
use clearing::command::{Capital, Command, Lifetime, NewOrder, Signed};
use clearing::commands::{highest_number, seal_of};
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, PoolParameters};
use clearing::units::{MAX_MONEY, Money, Price, Quantity, Ratio, Time};

/// The words of a line, taken one by one.
pub struct Words<'a> {
    left: &'a [&'a str],
}

impl<'a> Words<'a> {
    pub fn new(words: &'a [&'a str]) -> Self {
        Self { left: words }
    }

    pub fn next(&mut self, what: &str) -> Result<&'a str, String> {
        let (first, rest) = self.left.split_first().ok_or(format!("missing: {what}"))?;
        self.left = rest;
        Ok(first)
    }

    pub fn more(&mut self) -> Option<&'a str> {
        self.next("").ok()
    }

    /// `word` if it comes next.
    fn skip(&mut self, word: &str) -> bool {
        let found = self.left.first() == Some(&word);
        if found {
            self.left = &self.left[1..];
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.skip(word) { Ok(()) } else { Err(format!("expected the word: {word}")) }
    }

    pub fn end(&mut self) -> Result<(), String> {
        self.left.first().map_or(Ok(()), |word| Err(format!("too many words: {word}")))
    }
}

/// A line without its prefixes and its announced refusal.
pub struct Line<'a> {
    pub number: usize,
    /// Who signs, where it is not the one whom the verb names.
    pub signer: Option<&'a str>,
    pub refused: Option<&'a str>,
}

/// Runs a verb; returns what the scenario did not announce: the line and what was found instead.
pub fn run(world: &mut World, line: &Line, verb: &str, words: &mut Words) -> Result<Vec<(usize, String)>, String> {
    match verb {
        "block" => {
            let length = words.more().map_or(Ok(Time::new(1_000)), time)?;
            return Ok(blocks(world, 1, length));
        }
        "blocks" => {
            let count = words.next("how many")?.parse::<usize>().map_err(|_| "not a count".to_string())?;
            let length = words.more().map_or(Ok(Time::new(1_000)), time)?;
            return Ok(blocks(world, count, length));
        }
        "restart" => {
            let mut surprises = world.start();
            world.events.clear();
            surprises.extend(world.block(Time::new(1_000), true));
            return Ok(surprises);
        }
        "world" => return words.expect("standard").map(|()| Vec::new()),
        _ => {}
    }
    if publishers_verb(world, verb, words)? || (!world.started && preset_verb(world, verb, words)?) {
        return Ok(Vec::new());
    }
    if !world.started && world.pool == 0 && ["capital", "reserve", "line"].contains(&verb) {
        let (signer, commands) = money_command(world, line, verb, words)?;
        words.end()?;
        let signer = key(line.signer.unwrap_or(&signer));
        let refused = line.refused.map(str::to_string);
        let queued = commands.into_iter().map(|command| Signed { signer, command });
        let queued = queued.map(|signed| Queued { line: line.number, signed, refused: refused.clone() });
        world.preset.backing.extend(queued);
        return Ok(Vec::new());
    }
    let surprises = world.start();
    let before = world.queue.len();
    let command = command_of(world, line, verb, words)?;
    words.end()?;
    let signer = line.signer.map_or(command.0, str::to_string);
    for command in command.1 {
        world.say(line.number, &signer, command);
    }
    // An account that is opened on the way, or a leave that is given on it, is not what the line announces.
    let last = world.queue.len() - 1;
    let refused = line.refused.map(str::to_string);
    let opening = |at: &usize| match world.queue[*at].signed.command {
        Command::OpenAccount { .. } => verb != "open",
        Command::AllowVenue { .. } => verb != "allow",
        _ => false,
    };
    let announced: Vec<usize> = (before..=last).filter(|at| !opening(at)).collect();
    // Of many commands of one line, the last is the one that is refused.
    if let Some(at) = announced.last() {
        world.queue[*at].refused = refused;
    }
    Ok(surprises)
}

fn blocks(world: &mut World, count: usize, length: Time) -> Vec<(usize, String)> {
    let fresh = !world.started;
    world.events.clear();
    let mut surprises = world.start();
    for _ in usize::from(fresh)..count {
        surprises.extend(world.block(length, false));
    }
    surprises
}

/// What publishers say from now on: `price`, `prices`, `confidence`, `silent`, `speaks`, `suspended`, `resumed`.
fn publishers_verb(world: &mut World, verb: &str, words: &mut Words) -> Result<bool, String> {
    if !["price", "prices", "confidence", "silent", "speaks", "suspended", "resumed"].contains(&verb) {
        return Ok(false);
    }
    let name = words.next("a feed")?;
    let known = world.feeds.iter_mut().find(|feed| feed.name == name).ok_or(format!("no such feed: {name}"))?;
    match verb {
        "price" | "confidence" => {
            let value = price(words.next("a price")?)?;
            let whom = words.more();
            each(known, whom, |word| if verb == "price" { word.price = value } else { word.confidence = value })?;
        }
        "prices" => {
            for word in &mut known.words {
                word.price = price(words.next("a price for every publisher")?)?;
            }
        }
        _ => {
            let whom = words.more();
            each(known, whom, |word| match verb {
                "silent" => word.silent = true,
                "speaks" => word.silent = false,
                "suspended" => word.suspended = true,
                _ => word.suspended = false,
            })?;
        }
    }
    words.end().map(|()| true)
}

/// Changes the words of one publisher, or of all.
fn each(feed: &mut FeedNames, whom: Option<&str>, mut change: impl FnMut(&mut Word)) -> Result<(), String> {
    let Some(whom) = whom else {
        feed.words.iter_mut().for_each(change);
        return Ok(());
    };
    let at = whom.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let word = at.and_then(|at| feed.words.get_mut(at)).ok_or(format!("no such publisher: {whom}"))?;
    change(word);
    Ok(())
}

/// Applies `name value name value …` through a setter.
fn pairs(words: &mut Words, mut set: impl FnMut(&str, &str) -> Result<(), String>) -> Result<(), String> {
    while let Some(name) = words.more() {
        set(name, words.next("a value")?)?;
    }
    Ok(())
}

/// Before the first block, `set`, `feed`, `perpetual`, `dated` and `spot` shape the world instead of being commands.
fn preset_verb(world: &mut World, verb: &str, words: &mut Words) -> Result<bool, String> {
    let names: Vec<String> = world.feeds.iter().map(|feed| feed.name.clone()).collect();
    match verb {
        "set" => match words.next("feed, instrument or pool")? {
            "pool" => pairs(words, |name, word| set_pool(&mut world.preset.pool, name, word, &names))?,
            "feed" => {
                let name = words.next("a feed")?;
                let found = world.preset.feeds.iter_mut().find(|(known, _)| known == name);
                let (_, parameters) = found.ok_or(format!("no such feed: {name}"))?;
                pairs(words, |name, word| set_feed(parameters, name, word))?;
            }
            "instrument" => {
                let name = words.next("an instrument")?;
                let found = world.preset.instruments.iter_mut().find(|(known, _)| known == name);
                let (_, parameters) = found.ok_or(format!("no such instrument: {name}"))?;
                pairs(words, |name, word| set_instrument(parameters, name, word))?;
            }
            other => return Err(format!("cannot set: {other}")),
        },
        "feed" => {
            let (name, parameters) = new_feed(world, words)?;
            world.preset.feeds.push((name, parameters));
        }
        "perpetual" | "dated" | "spot" => {
            let now = world.engine.state().time;
            let listed = new_instrument(world, verb, words, now)?;
            world.preset.instruments.push(listed);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `feed SOL 20 [publishers 5] [name value …]`: a feed with a stress of 10 % and at least three publishers.
fn new_feed(world: &mut World, words: &mut Words) -> Result<(String, FeedParameters), String> {
    let name = words.next("a name")?;
    let first = price(words.next("a price")?)?;
    let count = if words.skip("publishers") { words.next("how many")?.parse().map_err(|_| "not a count")? } else { 3 };
    let mut parameters = FeedParameters { publishers: publishers(name, count), ..feed(25_000) };
    pairs(words, |name, word| set_feed(&mut parameters, name, word))?;
    world.feeds.push(FeedNames::new(name, usize::from(count), first));
    Ok((name.to_string(), parameters))
}

/// `perpetual SOL on SOL [name value …]`, `dated BTC-SEP on BTC expiry 60s …`, `spot SOLX on SOL …`.
fn new_instrument(
    world: &World,
    verb: &str,
    words: &mut Words,
    now: Time,
) -> Result<(String, InstrumentParameters), String> {
    let name = words.next("a name")?;
    words.expect("on")?;
    let on = world.feed_id(words.next("a feed")?);
    let mut parameters = if verb == "spot" { spot(on, 200_000) } else { perpetual(on) };
    if verb == "dated" {
        words.expect("expiry")?;
        let expiry = now + time(words.next("a length of time from now")?)?;
        parameters.kind = Kind::Dated { expiry, settlement_window: Time::new(10_000), basis_a_day: Ratio::ZERO };
    }
    pairs(words, |name, word| set_instrument(&mut parameters, name, word))?;
    Ok((name.to_string(), parameters))
}

type Said = (String, Vec<Command>);

fn said(signer: &str, command: Command) -> Result<Said, String> {
    Ok((signer.to_string(), vec![command]))
}

/// The commands of a verb, and who signs them unless the line says otherwise.
fn command_of(world: &mut World, line: &Line, verb: &str, words: &mut Words) -> Result<Said, String> {
    match verb {
        "set" => set_command(world, words),
        "feed" | "perpetual" | "dated" | "spot" | "pool" | "own-pool" | "list" => {
            list_command(world, line, verb, words)
        }
        "open" | "deposit" | "withdraw" | "capital" | "reserve" | "line" | "join" | "leave" | "bid" | "unbid" => {
            money_command(world, line, verb, words)
        }
        "observe" | "forecast" => source_command(world, verb, words),
        _ => order_command(world, line, verb, words),
    }
}

/// After the first block `set` is governance's command, with all that R7.6 asks of it.
fn set_command(world: &World, words: &mut Words) -> Result<Said, String> {
    let names: Vec<String> = world.feeds.iter().map(|feed| feed.name.clone()).collect();
    let what = words.next("feed, instrument or pool")?;
    let (state, pool) = (world.engine.state(), world.pool_id());
    if what == "pool" {
        let found = state.pools.find(pool).or(state.pools.iter().next().map(|(_, pool)| pool));
        let mut parameters: PoolParameters = found.ok_or("there is no pool")?.parameters.clone();
        pairs(words, |name, word| set_pool(&mut parameters, name, word, &names))?;
        return said("governance", Command::SetPool { pool, parameters });
    }
    let name = words.next("a name")?;
    if what == "feed" {
        let feed = world.feed_id(name);
        let found = state.feeds.find(feed).or(state.feeds.iter().next().map(|(_, feed)| feed));
        let mut parameters = found.ok_or("there is no feed")?.parameters.clone();
        pairs(words, |name, word| set_feed(&mut parameters, name, word))?;
        return said("governance", Command::SetFeed { feed, parameters });
    }
    let instrument = world.instrument_id(name);
    let listed = &world.state_of_pool().instruments;
    let found = listed.find(instrument).or(listed.iter().next().map(|(_, instrument)| instrument));
    let mut parameters = found.ok_or("there is no instrument")?.parameters.clone();
    if words.skip("onto") {
        parameters.feed = world.feed_id(words.next("a feed")?);
    }
    pairs(words, |name, word| set_instrument(&mut parameters, name, word))?;
    said("governance", Command::SetInstrument { pool, instrument, parameters })
}

fn list_command(world: &mut World, line: &Line, verb: &str, words: &mut Words) -> Result<Said, String> {
    let pool = world.pool_id();
    match verb {
        "feed" => {
            let (name, parameters) = new_feed(world, words)?;
            if line.refused.is_some() {
                world.feeds.pop();
            }
            said("governance", Command::ListFeed { name, parameters })
        }
        "pool" => {
            let name = words.next("a name")?.to_string();
            let mut parameters = world.preset.pool.clone();
            pairs(words, |name, word| set_pool(&mut parameters, name, word, &[]))?;
            if line.refused.is_none() {
                let accounts = vec!["fund".to_string()];
                world.pools.push(PoolNames { name: name.clone(), accounts, ..PoolNames::default() });
            }
            said("governance", Command::OpenPool { name, parameters })
        }
        "own-pool" => {
            let name = words.next("a name")?.to_string();
            words.expect("from")?;
            let owner = words.next("an account")?;
            words.expect("first_loss")?;
            let first_loss = money(words.next("an amount")?)?;
            words.expect("on")?;
            let feed = world.feed_id(words.next("a feed")?);
            let from_account = world.account_id(owner);
            if line.refused.is_none() {
                let (accounts, instruments) = (vec!["fund".to_string()], vec![name.clone()]);
                world.pools.push(PoolNames { name: name.clone(), accounts, instruments, ..PoolNames::default() });
            }
            said(owner, Command::OpenOwnPool { name, from_pool: pool, from_account, first_loss, feed })
        }
        "list" => list_many(world, words),
        _ => {
            let now = world.engine.state().time;
            let (name, parameters) = new_instrument(world, verb, words, now)?;
            if line.refused.is_none() {
                let at = world.pool;
                world.pools[at].instruments.push(name.clone());
            }
            said("governance", Command::ListInstrument { pool, name, parameters })
        }
    }
}

/// `list 1021 feeds`, `list 1023 pools`, `list 60 spots`: the same thing many times, to come to a limit.
fn list_many(world: &World, words: &mut Words) -> Result<Said, String> {
    let count = words.next("how many")?.parse::<usize>().map_err(|_| "not a count".to_string())?;
    let what = words.next("feeds, pools or spots")?;
    let name = format!("{what} to the limit");
    let first = world.feeds.first().map(|feed| world.feed_id(&feed.name)).ok_or("there is no feed")?;
    let command = match what {
        "feeds" => {
            Command::ListFeed { name, parameters: FeedParameters { publishers: publishers("more", 3), ..feed(25_000) } }
        }
        "pools" => Command::OpenPool { name, parameters: world.preset.pool.clone() },
        "spots" => Command::ListInstrument { pool: world.pool_id(), name, parameters: spot(first, 200_000) },
        other => return Err(format!("cannot list many: {other}")),
    };
    Ok(("governance".to_string(), vec![command; count]))
}

fn money_command(world: &mut World, line: &Line, verb: &str, words: &mut Words) -> Result<Said, String> {
    let pool = world.pool_id();
    if verb == "capital" {
        let capital = if words.next("own or fund")? == "own" { Capital::OwnCapital } else { Capital::Fund };
        let amount = money(words.next("an amount")?)?;
        return said("custodian", Command::Capitalise { pool, capital, amount });
    }
    let who = words.next("an account, or an amount")?;
    match verb {
        "open" => {
            let at = world.pool;
            if line.refused.is_none() {
                world.pools[at].accounts.push(who.to_string());
            }
            said(who, Command::OpenAccount { pool })
        }
        "reserve" => said("custodian", Command::FundReserve { amount: money(who)? }),
        "line" => said("governance", Command::SetLine { pool, cap: money(who)? }),
        "unbid" => said(who, Command::CancelBid { pool, account: world.account_id(who) }),
        "bid" => {
            words.expect("premium")?;
            let premium = ratio(words.next("a premium")?)?;
            words.expect("capacity")?;
            let capacity = money(words.next("a capacity")?)?;
            said(who, Command::PlaceBid { pool, account: world.account_id(who), premium, capacity })
        }
        "deposit" | "withdraw" => move_command(world, line, verb, who, words),
        _ => {
            let (account, amount) = (world.account_id(who), money(words.next("an amount")?)?);
            let join = Command::JoinTranche { pool, account, amount };
            said(who, if verb == "join" { join } else { Command::LeaveTranche { pool, account, amount } })
        }
    }
}

/// `deposit alice 1000`, `deposit alice 5 WETH`, `withdraw alice 10`, `withdraw alice 5 WETH`.
fn move_command(world: &mut World, line: &Line, verb: &str, who: &str, words: &mut Words) -> Result<Said, String> {
    let pool = world.pool_id();
    let number = words.next("an amount")?;
    let account = if verb == "deposit" && line.refused.is_none() {
        world.account_or_open(line.number, who)
    } else {
        world.account_id(who)
    };
    let Some(asset) = words.more() else {
        let amount = money(number)?;
        return if verb == "deposit" {
            said("custodian", Command::Deposit { pool, account, amount })
        } else {
            said(who, Command::Withdraw { pool, account, amount })
        };
    };
    let (instrument, quantity) = (world.instrument_id(asset), quantity(number)?);
    if verb == "deposit" {
        said("custodian", Command::DepositCollateral { pool, account, instrument, quantity })
    } else {
        said(who, Command::WithdrawCollateral { pool, account, instrument, quantity })
    }
}

/// `observe BTC 2 99 [confidence 1] [age 5s | ahead 5s]` and `forecast BTC 5%`.
fn source_command(world: &World, verb: &str, words: &mut Words) -> Result<Said, String> {
    let name = words.next("a feed")?;
    let feed = world.feed_id(name);
    if verb == "forecast" {
        let volatility = ratio(words.next("a volatility")?)?;
        return said("forecaster", Command::Forecast { feed, volatility });
    }
    let publisher = words.next("a publisher")?;
    let seen = price(words.next("a price")?)?;
    let confidence = if words.skip("confidence") { price(words.next("a width")?)? } else { Price::ZERO };
    // The block that carries the command comes one second later.
    let mut published_at = world.engine.state().time + Time::new(1_000);
    if words.skip("age") {
        published_at -= time(words.next("a length of time")?)?;
    } else if words.skip("ahead") {
        published_at += time(words.next("a length of time")?)?;
    }
    let command = Command::Observe { feed, price: seen, confidence, published_at, transfers_suspended: false };
    said(&format!("{name}/{publisher}"), command)
}

fn order_command(world: &mut World, line: &Line, verb: &str, words: &mut Words) -> Result<Said, String> {
    let pool = world.pool_id();
    let who = words.next("an account")?;
    let account = world.account_id(who);
    match verb {
        "buy" | "sell" => {
            let order = order_of(world, verb, who, words)?;
            commit_number(world, who, order.number);
            said(who, Command::PlaceOrder { pool, account, order })
        }
        "cancel" => match words.next("an order's number, or all")? {
            "all" => said(who, Command::CancelAll { pool, account }),
            number => {
                let number = number.parse().map_err(|_| format!("not a number: {number}"))?;
                said(who, Command::CancelOrder { pool, account, number })
            }
        },
        "seal" | "reveal" => {
            let side = words.next("buy or sell")?;
            let order = order_of(world, side, who, words)?;
            let salt = key("salt").0;
            if verb == "seal" {
                return said(who, Command::SealOrder { pool, account, seal: seal_of(&order, &salt) });
            }
            commit_number(world, who, order.number);
            said(who, Command::RevealOrder { pool, account, order, salt })
        }
        "trade" => {
            let seller = world.account_id(words.next("a seller")?);
            let instrument = world.instrument_id(words.next("an instrument")?);
            let quantity = quantity(words.next("a quantity")?)?;
            words.expect("at")?;
            let price = price(words.next("a price")?)?;
            let venue = line.signer.unwrap_or("venue");
            world.let_trade(line.number, venue, instrument, quantity, &[account, seller]);
            said(venue, Command::Trade { pool, instrument, buyer: account, seller, quantity, price })
        }
        "allow" => {
            let venue = words.next("a venue")?;
            let mut leave = [Money::ZERO, Money::new(MAX_MONEY)];
            match words.next("an amount, or none")? {
                "none" => leave[1] = Money::ZERO,
                amount => leave[0] = money(amount)?,
            }
            if words.skip("margin") {
                leave[1] = money(words.next("an amount")?)?;
            }
            world.leaves.insert((world.pool, account, venue.to_string()));
            let [loss, margin] = leave;
            said(who, Command::AllowVenue { pool, account, venue: key(venue), loss, margin })
        }
        other => Err(format!("no such verb: {other}")),
    }
}

/// `BTC 1 [at 100] [number 7] [until 5s] [this-block] [reduce-only]`.
fn order_of(world: &World, side: &str, who: &str, words: &mut Words) -> Result<NewOrder, String> {
    let instrument = world.instrument_id(words.next("an instrument")?);
    let size: Quantity = quantity(words.next("a quantity")?)?;
    let known = world.pools.get(world.pool).and_then(|pool| pool.numbers.get(who)).copied().unwrap_or(0);
    let mut order = NewOrder {
        number: known + 1,
        instrument,
        quantity: if side == "sell" { -size } else { size },
        limit: None,
        lifetime: Lifetime::UntilCancelled,
        reduce_only: false,
    };
    while let Some(word) = words.more() {
        match word {
            "at" => order.limit = Some(price(words.next("a price")?)?),
            "number" => order.number = words.next("a number")?.parse().map_err(|_| "not a number".to_string())?,
            "until" => {
                let length = words.next("a length of time")?;
                let past = length.strip_prefix('-');
                let length = time(past.unwrap_or(length))?;
                let now = world.engine.state().time;
                order.lifetime = Lifetime::Until(if past.is_some() { now - length } else { now + length });
            }
            "this-block" => order.lifetime = Lifetime::ThisBlock,
            "reduce-only" => order.reduce_only = true,
            other => return Err(format!("not a word of an order: {other}")),
        }
    }
    Ok(order)
}

/// Numbers are counted on from the last one, unless it is one that no order can have in a block of a second later. R7.2
fn commit_number(world: &mut World, who: &str, number: u64) {
    let at = world.pool;
    if number > highest_number(world.engine.state().time + Time::new(1_000)) {
        return;
    }
    if let Some(pool) = world.pools.get_mut(at) {
        let known = pool.numbers.entry(who.to_string()).or_default();
        *known = number.max(*known);
    }
}

/// Which pool a name means; one past all ids for a name that nobody has.
pub fn pool_at(world: &World, name: &str) -> usize {
    world.pools.iter().position(|pool| pool.name == name).unwrap_or(usize::from(u16::MAX))
}
