# SPDX-License-Identifier: GPL-2.0-only
"""Takes apart what lab/guest/agent.c sends through port 0xe9.

A frame is 0x01 'K' CHANNEL LENGTH(2, little endian) PAYLOAD. Bochs itself
writes to the same stream before the machine starts and after it stops: what
is not a frame is skipped.
"""

OUT, ERR, LOG, FILES, NOTE = range(1, 6)

_MAGIC = b"\x01K"
_HEAD = 5
_MAX = 4096


class Parser:
    """Feed bytes, get (channel, payload) pairs."""

    def __init__(self):
        self.buf = b""

    def feed(self, data):
        """Yield the frames that are complete with these bytes."""
        self.buf += data
        while True:
            start = self.buf.find(_MAGIC)
            if start < 0:
                self.buf = self.buf[-1:]
                return
            self.buf = self.buf[start:]
            if len(self.buf) < _HEAD:
                return
            channel = self.buf[2]
            length = self.buf[3] | self.buf[4] << 8
            if not OUT <= channel <= NOTE or length > _MAX:
                self.buf = self.buf[1:]
                continue
            if len(self.buf) < _HEAD + length:
                return
            yield channel, self.buf[_HEAD:_HEAD + length]
            self.buf = self.buf[_HEAD + length:]
