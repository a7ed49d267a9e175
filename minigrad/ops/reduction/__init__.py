"""Many elements to fewer: sums, extremes, ranks, order, running totals, sets."""
