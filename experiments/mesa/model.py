"""A small market of leveraged traders in Mesa, to compare its speed with `seawall simulate experiments/mesa/common.toml`.

The model is the part that both have: traders with an equity and a leverage wake at exponential times and want a random position; each
trade moves the price by one percent for each depth; at every step every trader is marked to market and whoever is below
maintenance margin is closed. Seawall does the same through its whole clearing core: signed commands, a batch auction a block, scenario
margin, a state root. Usage: python model.py [steps]
"""

import math
import random
import sys
import time

import mesa

TRADERS = 1_000
DEPTH_USD = 10e6
VOLATILITY_A_STEP = 0.03 / math.sqrt(8_640)
EVERY = 360  # steps between two wishes of a trader, on average: an hour
LEVERAGE = 12.0
MAINTENANCE = 0.03


class Trader(mesa.Agent):
    def __init__(self, model):
        super().__init__(model)
        self.cash = model.rng_own.lognormvariate(math.log(8_000), 1.0)
        self.units = 0.0
        self.wakes = model.rng_own.expovariate(1 / EVERY)

    def step(self):
        model = self.model
        equity = self.cash + self.units * model.price
        notional = abs(self.units) * model.price
        if notional > 0 and equity < MAINTENANCE * notional:
            model.trade(self, -self.units)
            model.liquidated += 1
        elif model.now >= self.wakes:
            self.wakes = model.now + model.rng_own.expovariate(1 / EVERY)
            if equity > 0:
                wanted = model.rng_own.uniform(-1, 1) * LEVERAGE * equity / model.price
                model.trade(self, wanted - self.units)


class Market(mesa.Model):
    def __init__(self, seed):
        super().__init__(rng=seed)
        self.rng_own = random.Random(seed)
        self.price, self.now, self.liquidated, self.trades = 110_000.0, 0, 0, 0
        Trader.create_agents(self, TRADERS)

    def trade(self, trader, units):
        trader.units += units
        trader.cash -= units * self.price
        self.price *= math.exp(units * self.price / DEPTH_USD * 0.01)
        self.trades += 1

    def step(self):
        self.now += 1
        self.price *= math.exp(self.rng_own.gauss(0, VOLATILITY_A_STEP))
        self.agents.do("step")


if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    market = Market(1)
    began = time.perf_counter()
    for _ in range(steps):
        market.step()
    took = time.perf_counter() - began
    print(f"{steps} steps of {TRADERS} agents: {took:.2f} s, {steps * TRADERS / took / 1e6:.2f} million agent-steps a second")
    print(f"trades {market.trades}, liquidated {market.liquidated}, price {market.price:,.0f}")
