# SPDX-License-Identifier: GPL-2.0-or-later
"""The platform's tables in their layers, and the names that Prefect makes up."""

from dataclasses import dataclass

ADJECTIVES = ("amber", "brave", "calm", "dapper", "eager", "fuzzy", "gentle", "hasty", "icy", "jolly", "keen", "lively", "mottled",
              "nimble", "olive", "placid", "quiet", "rugged", "spry", "tacky", "unbiased", "versed", "winged", "zealous")
ANIMALS = ("anteater", "badger", "crane", "dingo", "earwig", "falcon", "gecko", "heron", "ibex", "jackal", "koala", "lemur", "mongoose",
           "newt", "otter", "puffin", "quail", "raccoon", "seahorse", "tapir", "urchin", "viper", "wombat", "yak")


@dataclass(frozen=True)
class Layer:
    word: str                      # Bronze
    tables: tuple
    heading: str

    @property
    def flow(self):
        return f"offload-{self.word.lower()}-layer"


BRONZE = ("bronze_trades_binance", "bronze_trades_kraken", "bronze_trades_coinbase")
SILVER = ("silver_trades",)
GOLD = ("ohlcv_1m", "ohlcv_5m", "ohlcv_15m", "ohlcv_30m", "ohlcv_1h", "ohlcv_1d")
LAYERS = (Layer("Bronze", BRONZE, "Starting Bronze Layer Offload (3 tables in parallel: binance + kraken + coinbase)"),
          Layer("Silver", SILVER, "Starting Silver Layer Offload (1 table: silver_trades)"),
          Layer("Gold", GOLD, "Starting Gold Layer Offload (6 tables in parallel: 1m + 5m + 15m + 30m + 1h + 1d)"))
TABLES = BRONZE + SILVER + GOLD
# Median seconds of a run, and rows of a quarter of an hour.
USUAL = {"bronze_trades_binance": (9.0, 29_000), "bronze_trades_kraken": (6.5, 3_200), "bronze_trades_coinbase": (7.5, 11_000),
         "silver_trades": (11.0, 42_000), "ohlcv_1m": (5.5, 2_700), "ohlcv_5m": (5.0, 540), "ohlcv_15m": (4.8, 180),
         "ohlcv_30m": (4.8, 120), "ohlcv_1h": (4.7, 90), "ohlcv_1d": (4.6, 60)}


def hexadecimal(rng, count):
    return f"{rng.getrandbits(4 * count):0{count}x}"


def uuid(rng):
    text = hexadecimal(rng, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-9{text[17:20]}-{text[20:]}"


def flow_run(rng):
    return f"{rng.choice(ADJECTIVES)}-{rng.choice(ANIMALS)}"


def task_run(rng, task):
    """Three digits of the task run's id: another run of the same day often has the same name."""
    return f"{task}-{hexadecimal(rng, 3)}"
