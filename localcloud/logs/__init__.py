"""Simple Log Service, as far as Function Compute and a reader of its logs need it.

`rows` makes log rows of what a function wrote, `store` keeps them, `index` says which fields can be
analysed, and cuts them, `json_values` reads JSON up to where it breaks off, `search` matches rows,
`query` runs `search | SELECT` statements; only it needs the packages sqlglot and duckdb. The HTTP
API of the service is not here."""
