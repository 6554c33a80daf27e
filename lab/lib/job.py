# SPDX-License-Identifier: GPL-2.0-only
"""A job from start to end: a machine, its verdict, its logs."""

import os
import shutil
import sys

from lib import image
from lib.config import LabError, say
from lib.nested import NestedSession
from lib.session import Session, new_directory, prune


def run_job(settings, job, out, err, check_log=True, keep=False):
    """Build, boot and judge; returns (exit status, Session)."""
    directory = new_directory()
    kind = NestedSession if settings.nested else Session
    session = kind(settings, directory, out, err)
    try:
        session.boot(job)
        status, why = session.verdict(check_log)
    except LabError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    except KeyboardInterrupt:
        image.discard(directory)
        say(f"interrupted, logs: {os.path.relpath(directory)}")
        raise
    image.discard(directory)
    if why:
        say(why)
        say(f"logs: {os.path.relpath(directory)}")
    elif status:
        say(f"exit status {status}, logs: {os.path.relpath(directory)}")
    elif keep:
        say(f"logs: {os.path.relpath(directory)}")
    sys.stderr.flush()
    prune()
    return status, session
