"""GPT-2 §3's benchmarks and GPT-1 §5's heuristics as requests, each number under a named protocol."""
