# SPDX-License-Identifier: GPL-2.0-or-later
"""The platform's tables in their layers, and the names that Prefect makes up."""

from dataclasses import dataclass

# Prefect's own lists give some hundred thousand names of flow runs, so that two of the same day hardly ever are the same.
ADJECTIVES = tuple(
    "amber axiomatic brave brawny calm carrot cerulean chirpy copper crafty dapper daring dazzling eager ebony enigmatic fiery fluffy fuzzy "
    "gentle glossy gray hasty honest humongous icy impetuous ivory jolly judicious keen khaki lean lively logical magnetic meteoric mottled "
    "naughty nimble notorious olive onyx organic papaya placid poised quick quiet quirky rational rugged rustic scarlet singing sparkling spry "
    "tacky tangible turquoise unbiased unyielding upbeat venomous versed vigilant watchful winged wondrous xanthic yellow youthful zealous "
    "zippy".split())
ANIMALS = tuple(
    "aardwolf albatross anteater badger barracuda bear beluga bison buffalo bullfrog caracal cheetah cobra crane cuckoo deer dingo dolphin "
    "dragonfly earwig echidna falcon ferret firefly flamingo gazelle gecko giraffe goose gopher heron hornet hummingbird ibex iguana impala "
    "jackal jaguar jellyfish kangaroo kestrel koala lemur leopard lionfish llama lorikeet macaw malamute mammoth marmot mastiff mongoose moose "
    "narwhal newt nightingale ocelot octopus okapi otter oyster panther partridge pelican puffin puma quail quokka raccoon raptor ringtail "
    "salamander seahorse sloth sturgeon tapir tarsier terrier tuatara urchin vicugna viper vole wallaby walrus wombat woodpecker yak "
    "zebra".split())


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
