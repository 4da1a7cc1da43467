//! A spot market outside: what pushing its price costs, and how it comes back.

/// A market with depth. Its price moves by one percent, in logarithms, for each `depth_usd_1pct` bought or sold, and what was pushed fades
/// with a half-life: a linear impact with exponential resilience (Obizhaeva and Wang 2013, "Optimal trading strategy and supply/demand
/// dynamics").
#[derive(Debug, Clone)]
pub struct Spot {
    /// What it would trade at if nobody pushed, USD a unit.
    pub fair: f64,
    /// How far it is pushed, in logarithms.
    pushed: f64,
    depth_usd_1pct: f64,
    half_life_s: f64,
    /// What whoever pushes has paid, net, USD.
    pub paid_usd: f64,
    /// What it holds, units.
    pub holds: f64,
}

const STEPS: u32 = 64;

impl Spot {
    /// A market at rest.
    #[must_use]
    pub fn new(fair: f64, depth_usd_1pct: f64, half_life_s: f64) -> Self {
        Self { fair, pushed: 0.0, depth_usd_1pct, half_life_s, paid_usd: 0.0, holds: 0.0 }
    }

    /// From now on, so much moves it by one percent.
    pub fn set_depth(&mut self, depth_usd_1pct: f64) {
        self.depth_usd_1pct = depth_usd_1pct;
    }

    /// What it trades at, USD a unit.
    #[must_use]
    pub fn price(&self) -> f64 {
        self.fair * self.pushed.exp()
    }

    /// Buys for so much money, or sells if it is negative, in small steps, each at the price that it makes.
    pub fn buy(&mut self, usd: f64) {
        let step = usd / f64::from(STEPS);
        for _ in 0..STEPS {
            self.pushed += step / self.depth_usd_1pct * 0.01;
            self.holds += step / self.price();
            self.paid_usd += step;
        }
    }

    /// Buys until it trades at `price`, or sells; answers what that costs.
    pub fn push_to(&mut self, price: f64) -> f64 {
        let usd = ((price / self.fair).ln() - self.pushed) * 100.0 * self.depth_usd_1pct;
        self.buy(usd);
        usd
    }

    /// Sells what is held.
    pub fn sell_all(&mut self) {
        for left in (1..=STEPS).rev() {
            let step = self.holds / f64::from(left) * self.price();
            self.pushed -= step / self.depth_usd_1pct * 0.01;
            let units = self.holds / f64::from(left);
            self.holds -= units;
            self.paid_usd -= units * self.price();
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: f64) {
        self.pushed *= 0.5_f64.powf(seconds / self.half_life_s);
    }
}

#[cfg(test)]
mod tests {
    use super::Spot;

    #[test]
    fn a_push_costs_what_the_depth_says_and_a_round_trip_loses() {
        let mut market = Spot::new(2.0, 1e6, 60.0);
        let cost = market.push_to(2.0 * 0.01_f64.exp());
        assert!((cost - 1e6).abs() < 1.0, "one percent costs the depth: found {cost}");
        assert!((market.price() / 2.0 - 0.01_f64.exp()).abs() < 1e-9);
        market.pass(60.0);
        assert!((market.price() / 2.0 - 0.005_f64.exp()).abs() < 1e-9, "half of it has faded");
        market.sell_all();
        assert!(market.holds.abs() < 1e-6 && market.paid_usd > 0.0, "found {market:?}");
    }

    #[test]
    fn a_round_trip_without_time_costs_nothing() {
        let mut market = Spot::new(1.0, 1e5, 60.0);
        market.buy(3e5);
        market.sell_all();
        assert!(market.paid_usd.abs() < 3e5 * 0.01, "found {}", market.paid_usd);
    }
}
