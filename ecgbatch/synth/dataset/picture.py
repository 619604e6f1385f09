"""Pictures as bytes, the same on every run."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg

from ecgbatch.types import ByteArray

ENDINGS = {"png": "png", "jpeg": "jpg"}
_PNG_LEVEL = 3  # of 9: level 1 saves little time and costs 8 % of size on clean pages


def encoded(pixels: ByteArray, *, form: str, jpeg_quality: int) -> bytes:
    """Return a picture as a file.

    Args:
        pixels: ``(row, column, 3)`` RGB or ``(row, column)`` uint8.
        form: ``png`` or ``jpeg``.
        jpeg_quality: 1 to 100.
    """
    if form == "png":
        ordered = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])
        _, data = cv2.imencode(".png", ordered, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
        return bytes(data.tobytes())
    # Thin coloured lines on coloured paper: their colour is kept at full resolution.
    return bytes(
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), quality=jpeg_quality, colorsubsampling="444"
        )
    )
