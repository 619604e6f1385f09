"""DICOM files of one page or one record."""

from __future__ import annotations

import io
import zlib

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from tests.factories_files import NAME

EXPLICIT, IMPLICIT, BIG = ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
_NUMBERS = {
    "I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64, "V1": 3, "V2": 4, "V3": 5,
    "V4": 6, "V5": 7, "V6": 8, "V7": 9, "V8": 66, "V9": 67, "V3R": 11, "V4R": 12, "V5R": 13,
}  # fmt: skip


def dataset(sop_class: str) -> Dataset:
    found = Dataset()
    found.SOPClassUID = sop_class
    found.SOPInstanceUID = generate_uid(entropy_srcs=["one"])
    found.PatientName = f"{NAME}^ERIKA"
    found.PatientID = NAME
    found.Modality = "OT"
    return found


def write(found: Dataset, syntax=EXPLICIT) -> bytes:
    """Return a file with preamble and meta information."""
    out = io.BytesIO()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = syntax
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.save_as(out, enforce_file_format=True)
    return out.getvalue()


def deflated(found: Dataset, *, more: bytes = b"") -> bytes:
    """Return a deflated file; ``more`` is appended to its data set before it is packed."""
    plain = write(found)
    at = 144 + int.from_bytes(plain[140:144], "little")
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    meta.MediaStorageSOPClassUID = found.SOPClassUID
    meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    head = io.BytesIO()
    head.write(bytes(128) + b"DICM")
    write_file_meta_info(head, meta)
    packer = zlib.compressobj(9, wbits=-15)
    return head.getvalue() + packer.compress(plain[at:] + more) + packer.flush()


def capture(
    pixels: np.ndarray, *, photometric: str = "", frames: int = 1, bits: int = 8
) -> Dataset:
    """Return a secondary capture of one page, repeated ``frames`` times."""
    found = dataset(CAPTURE)
    colour = pixels.ndim == 3
    found.SamplesPerPixel = 3 if colour else 1
    found.PhotometricInterpretation = photometric or ("RGB" if colour else "MONOCHROME2")
    found.Rows, found.Columns = pixels.shape[:2]
    found.BitsAllocated = 8 * pixels.dtype.itemsize
    found.BitsStored, found.HighBit, found.PixelRepresentation = bits, bits - 1, 0
    found.PixelSpacing = [0.254, 0.127]  # of rows and columns: 100 and 200 dpi
    if colour:
        found.PlanarConfiguration = 0
    if frames > 1:
        found.NumberOfFrames = frames
    found.PixelData = np.ascontiguousarray(pixels).tobytes() * frames
    return found


def enveloped(data: bytes) -> Dataset:
    found = dataset(PDF)
    found.MIMETypeOfEncapsulatedDocument = "application/pdf"
    found.EncapsulatedDocument = data + bytes(len(data) % 2)
    return found


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def channel(lead: str, *, sensitivity: float, unit: str, **more: float) -> Dataset:
    found = Dataset()
    number = _NUMBERS.get(lead)
    value = f"5.6.3-9-{number}" if number else "X"
    found.ChannelSourceSequence = Sequence([coded(value, "SCPECG", f"Lead {lead}")])
    found.ChannelSensitivity = sensitivity
    found.ChannelSensitivityUnitsSequence = Sequence([coded(unit, "UCUM", unit)])
    found.ChannelSensitivityCorrectionFactor = more.get("correction", 1.0)
    found.ChannelBaseline = more.get("baseline", 0.0)
    if "time_skew" in more:
        found.ChannelTimeSkew = more["time_skew"]
    else:
        found.ChannelSampleSkew = more.get("sample_skew", 0)
    found.WaveformBitsStored = 16
    return found


def group(
    channels: list[Dataset], raw: np.ndarray, *, fs_hz: float, label: str = "RHYTHM"
) -> Dataset:
    """Return a multiplex group of ``(sample, channel)`` int16."""
    found = Dataset()
    found.MultiplexGroupLabel = label
    found.WaveformOriginality = "ORIGINAL"
    found.NumberOfWaveformChannels = len(channels)
    found.NumberOfWaveformSamples = len(raw)
    found.SamplingFrequency = fs_hz
    found.ChannelDefinitionSequence = Sequence(channels)
    found.WaveformBitsAllocated = 16
    found.WaveformSampleInterpretation = "SS"
    found.WaveformData = np.ascontiguousarray(raw, dtype="<i2").tobytes()
    return found


def record(groups: list[Dataset]) -> Dataset:
    found = dataset(ECG)
    found.Modality = "ECG"
    found.WaveformSequence = Sequence(groups)
    return found
