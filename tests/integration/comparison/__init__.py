"""One and the same program text on the stock package and under the hook: what it prints must not differ."""
