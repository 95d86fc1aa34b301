"""What jeton's users feel, measured: `benches/load/run` says how."""
