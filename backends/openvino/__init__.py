"""The OpenVINO backend: optimum-intel's pipeline, its UNet quantized by NNCF where asked. Nothing is sent anywhere."""

from __future__ import annotations

import sys
from typing import Any, cast

# OpenVINO's converter and NNCF send usage statistics unless this package is missing; both have a stub for that case.
sys.modules.setdefault("openvino_telemetry", cast(Any, None))
