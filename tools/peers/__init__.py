"""Parts of bench_peers.py: what is measured (plan, models), how (measure), and what is written (records)."""
