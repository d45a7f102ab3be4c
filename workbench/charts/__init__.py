"""What the charts show, computed from results: plain values, no drawing."""
