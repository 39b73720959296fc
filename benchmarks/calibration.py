"""What real shops look like in a dozen numbers, and whether the simulated worlds look like them.

Usage: ``python benchmarks/calibration.py DATA_DIR [--worlds fashion,grocery] [--json]`` where DATA_DIR holds
``uci-online-retail`` and ``dunnhumby-complete-journey-sample``. The same functions measure every column of the table.

Both sources and worlds are read as order lines. The dunnhumby file is a random sample of lines, so each measure is one
that thinning does not bias: basket sizes are a zero-truncated negative binomial fitted by maximum likelihood (a thinned
one is one again, with the same dispersion), and repetition is the chance that two lines of one shopper from *different*
orders are equal, averaged over shoppers (a ratio in which the sampling rate cancels). Its *lift* over two different
shoppers says how much more alike a shopper is to himself than to others: the strength of personal taste.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import optimize, stats

from tailorbird.simulator.history import tell
from tailorbird.simulator.world import World
from tailorbird.simulator.worlds import WORLDS
from tailorbird.types import Event

Array = NDArray[Any]

WINDOW_DAYS: Final = 60.0
DUNNHUMBY_LINES: Final = 1_470_000
"""Lines of the whole year, of which the file holds a random sample; from the data set's description."""
MIN_PAIRS: Final = 10
NOW: Final = 1_750_000_000.0


@dataclass(frozen=True)
class Lines:
    """Order lines in columns of shape (n,); shopper -1 is a guest; ``share`` of all lines were kept.

    ``brand`` is -1 everywhere where the source has none.
    """

    order: Array
    item: Array
    shopper: Array
    at: Array
    price: Array
    category: Array
    brand: Array
    share: float = 1.0

    def take(self, rows: Array) -> "Lines":
        """These rows."""
        columns = (self.order, self.item, self.shopper, self.at, self.price, self.category, self.brand)
        return Lines(*(column[rows] for column in columns), self.share)

    def known(self) -> "Lines":
        """The lines of shoppers who are no guests, with codes without gaps."""
        left = self.take(self.shopper >= 0)
        order, item, shopper = codes(left.order), codes(left.item), codes(left.shopper)
        return Lines(order, item, shopper, left.at, left.price, codes(left.category), left.brand, self.share)

    def windows(self, days: float) -> "list[Lines]":
        """The lines of each whole window of ``days``, counted back from the newest line."""
        back = ((self.at.max() - self.at) // (days * 86_400)).astype(int)
        whole = max(int((self.at.max() - self.at.min()) // (days * 86_400)), 1)
        return [self.take(back == window) for window in range(whole)]


def codes(values: Array) -> Array:
    """Small integers for any values."""
    return np.unique(values, return_inverse=True)[1]


def read_uci(data_dir: Path) -> Lines:
    """Sold products of uci-online-retail: no cancellations, no postage, no bank charges."""
    table = pq.read_table(data_dir / "uci-online-retail" / "transactions.parquet")
    column = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    stock = column["StockCode"].astype(str)
    product = np.array([code[:1].isdigit() for code in stock])
    sold = (column["Quantity"] > 0) & (column["UnitPrice"] > 0) & product
    customer = np.nan_to_num(column["CustomerID"].astype(float), nan=-1).astype(np.int64)[sold]
    shopper = np.where(customer < 0, -1, codes(customer))
    at = column["InvoiceDate"].astype("datetime64[s]").astype(np.float64)[sold]
    order = codes(column["InvoiceNo"].astype(str)[sold])
    # Products have no category here; the last word of a description ("... LUNCH BAG") is close to one.
    noun = codes(np.array([str(text).split()[-1] if str(text).strip() else "" for text in column["Description"][sold]]))
    brand = np.full(len(noun), -1)
    return Lines(order, codes(stock[sold]), shopper, at, column["UnitPrice"][sold], noun, brand)


def read_dunnhumby(data_dir: Path) -> Lines:
    """Lines of dunnhumby-complete-journey-sample with the shelf price (before discount)."""
    folder = data_dir / "dunnhumby-complete-journey-sample"
    table = pq.read_table(folder / "transactions_sample.parquet")
    column = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    sold = (column["quantity"] > 0) & (column["quantity"] < 1_000) & (column["sales_value"] > 0)
    products = pq.read_table(folder / "products.parquet").to_pydict()
    row = {product: n for n, product in enumerate(products["product_id"])}
    item = column["product_id"].astype(str)[sold]
    described = np.array([one in row for one in item])
    rows = [row[one] if known else 0 for one, known in zip(item, described, strict=True)]
    category, brand = (
        codes(np.array([str(products[name][n]) for n in rows])) for name in ("product_category", "manufacturer_id")
    )
    price = (column["sales_value"] + column["retail_disc"])[sold] / column["quantity"][sold]
    at = column["transaction_timestamp"].astype("datetime64[s]").astype(np.float64)[sold]
    order, shopper = codes(column["basket_id"].astype(str)[sold]), codes(column["household_id"].astype(str)[sold])
    lines = Lines(order, codes(item), shopper, at, price, category, brand, len(table) / DUNNHUMBY_LINES)
    return lines.take(described)


def basket(lines: Lines) -> tuple[float, float]:
    """Mean different items in an order, and the negative binomial's dispersion, as before any thinning."""
    pairs = np.unique(np.stack([lines.order, lines.item]), axis=1)
    sizes = np.unique(pairs[0], return_counts=True)[1]
    values, counts = np.unique(sizes, return_counts=True)

    def loss(parameters: Array) -> float:
        mean, k = np.exp(parameters)
        model = stats.nbinom(k, k / (k + mean))
        return float(-(counts * (model.logpmf(values) - np.log1p(-model.pmf(0)))).sum())

    found = optimize.minimize(loss, np.log([max(sizes.mean() - 0.5, 0.1), 1.0]), method="Nelder-Mead").x
    mean, k = np.exp(found)
    whole = mean / lines.share
    return float(whole / (1 - (k / (k + whole)) ** k)), float(k)


def popularity(lines: Lines) -> dict[str, float]:
    """Share of the lines that the most sold 1, 10 and 20% of the sold items have, and the Gini coefficient."""
    sold = np.sort(np.unique(lines.item, return_counts=True)[1])[::-1]
    cumulated = np.cumsum(sold) / sold.sum()
    shares = {f"top {top}%": float(cumulated[max(round(len(sold) * top / 100), 1) - 1]) for top in (1, 10, 20)}
    ascending = np.cumsum(sold[::-1]) / sold.sum()
    return {**shares, "gini": float(1 - 2 * ascending.mean() + 1 / len(sold))}


def _pairs(group: Array, label: Array, n_groups: int) -> Array:
    """Ordered pairs of equal label within each group (self-pairs included); shape (n_groups,)."""
    joint, counts = np.unique(group.astype(np.int64) * (int(label.max()) + 1) + label, return_counts=True)
    return np.bincount(joint // (int(label.max()) + 1), counts.astype(float) ** 2, n_groups)


def _across_orders(lines: Lines, label: Array, shopper: Array) -> Array:
    """Ordered pairs of equal label from different orders of one shopper; shape (n_shoppers,)."""
    n_shoppers, n_orders = int(shopper.max()) + 1, int(lines.order.max()) + 1
    of_order = np.zeros(n_orders, np.int64)
    of_order[lines.order] = shopper
    within = np.bincount(of_order, _pairs(lines.order, label, n_orders), n_shoppers)
    return _pairs(shopper, label, n_shoppers) - within


def _chance(label: Array) -> float:
    """Chance that two different lines of the whole shop have the same label."""
    counts = np.unique(label, return_counts=True)[1].astype(float)
    return float((counts * (counts - 1)).sum() / (len(label) * (len(label) - 1)))


def repetition(lines: Lines) -> dict[str, float]:
    """How alike one shopper's orders are: the rate of equal items, and the lifts of item, category and brand.

    The category's lift counts different items only; the brand's counts different items of one category only, so that
    each says something that the one before it does not.
    """
    known = lines.known()
    item = _across_orders(known, known.item, known.shopper)
    everything = _across_orders(known, np.zeros(len(known.item), np.int64), known.shopper)
    enough = everything >= 2 * MIN_PAIRS
    rate, chance = float((item[enough] / everything[enough]).mean()), _chance(known.item)
    others = (_across_orders(known, known.category, known.shopper) - item)[enough]
    apart = np.maximum((everything - item)[enough], 1)
    chance_category = _chance(known.category) - chance
    found = {"same item": rate, "same item lift": rate / chance}
    found["same category lift"] = float((others / apart).mean()) / chance_category
    if known.brand.max() >= 0:
        both = known.category * (int(known.brand.max()) + 1) + known.brand
        same = (_across_orders(known, codes(both), known.shopper) - item)[enough]
        found["same brand lift"] = float(same.sum() / others.sum()) / ((_chance(both) - chance) / chance_category)
    return found


def again(lines: Lines) -> float:
    """Share of (shopper, item, order) lines whose item that shopper had ordered before; biased by thinning."""
    known = lines.known()
    rows = np.unique(np.stack([known.shopper, known.item, known.order]), axis=1)
    return 1 - np.unique(rows[:2], axis=1).shape[1] / rows.shape[1]


def prices(lines: Lines) -> dict[str, float]:
    """Spread of the items' median prices, as standard deviation of the logarithm: in the shop, and in a category."""
    order = np.argsort(lines.item, kind="stable")
    starts = np.flatnonzero(np.diff(lines.item[order], prepend=-1))
    medians = np.log([np.median(part) for part in np.split(lines.price[order], starts[1:])])
    category = codes(lines.category[order][starts])
    counts = np.bincount(category)
    means = np.bincount(category, medians) / counts
    within = ((medians - means[category]) ** 2).sum() / max(len(medians) - len(counts), 1)
    return {"price spread": float(medians.std()), "price spread in category": float(np.sqrt(within))}


def visits(lines: Lines) -> dict[str, float]:
    """Orders of a known shopper who ordered at all, and the share who ordered once."""
    known = lines.known()
    orders = np.unique(np.stack([known.shopper, known.order]), axis=1)[0]
    counts = np.unique(orders, return_counts=True)[1]
    return {"orders each": float(counts.mean()), "one order": float((counts == 1).mean())}


def measure(lines: Lines) -> dict[str, float]:
    """Everything, over windows of 60 days where the length of the window matters."""
    windows = lines.windows(WINDOW_DAYS)
    mean, k = basket(lines)
    found = {"lines": float(len(lines.item)), "basket": mean, "basket dispersion": k}
    found |= popularity(lines) | prices(lines)
    parts = [repetition(w) | visits(w) | ({"again": again(w)} if lines.share == 1 else {}) for w in windows]
    return found | {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}


def read_world(name: str, seed: int) -> Lines:
    """The orders of one world's own history at its own size."""
    world = World(name, seed=seed, now=NOW)
    decoder, rows = msgspec.json.Decoder(Event), []
    for entries in tell(world, WINDOW_DAYS):
        for entry in entries:
            if entry.kind != "event" or b'"type":"purchase"' not in entry.body:
                continue
            event = decoder.decode(entry.body)
            # Guests stay guests: neither data set knows a shopper by a cookie.
            shopper = -1 if event.user_id is None else int(event.user_id[1:])
            numbers = ((world.shelf.number[line.item_id], line.price or 0.0) for line in event.items)
            rows += [(event.event_id, number, shopper, event.at, price) for number, price in numbers]
    order, item, shopper, at, price = (np.array(column) for column in zip(*rows, strict=True))
    shelf = world.shelf
    return Lines(codes(order), item, shopper, at, price, shelf.kinds[item].astype(np.int64), shelf.brands[item])


def main() -> None:
    """Measure what was asked for and print it side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    columns = {"uci": measure(read_uci(asked.data_dir)), "dunnhumby": measure(read_dunnhumby(asked.data_dir))}
    columns |= {name: measure(read_world(name, asked.seed)) for name in asked.worlds.split(",") if name}
    if asked.json:
        print(json.dumps(columns, indent=1))
        return
    print("| measure |", " | ".join(columns), "|")
    print("|---|" + "---:|" * len(columns))
    for measured in dict.fromkeys(name for found in columns.values() for name in found):
        cells = (f"{found[measured]:,.3g}" if measured in found else "" for found in columns.values())
        print(f"| {measured} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
