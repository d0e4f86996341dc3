#!/usr/bin/env python3
"""Prints its arguments and a variable: a script that Ansible sends."""

from __future__ import annotations

import os
import sys

print("sent", sys.argv[1:], os.environ["LEVEL"])
