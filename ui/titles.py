"""Names as people write them."""

from __future__ import annotations

SCHEDULER_TITLES = {
    "ddim": "DDIM",
    "pndm": "PNDM",
    "dpm++": "DPM++ 2M",
    "euler": "Euler",
    "euler_a": "Euler ancestral",
    "lms": "LMS",
    "unipc": "UniPC",
    "lcm": "LCM",
}
