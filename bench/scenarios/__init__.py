# SPDX-License-Identifier: Apache-2.0
"""One module for each scenario: `run(home) -> Iterator[Row]`. `forward` is the one that `make bench` runs."""
