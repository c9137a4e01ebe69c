"""A part of Function Compute: asynchronous invocations, delayed and numbered (API 2016-08-15)."""
