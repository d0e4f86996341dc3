"""Children that end in every way there is, many at a time: nobody else notices, nothing is left over."""
