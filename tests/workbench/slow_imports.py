"""Stands for the common imports of workers where they take long."""

import time

time.sleep(60)
