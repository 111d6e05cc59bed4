# SPDX-License-Identifier: Apache-2.0
"""Other people's encoders and decoders: DCMTK's and GDCM's command lines, OpenJPEG, FFmpeg, jpegsof3.

What is tested encodes and decodes with libjpeg-turbo, CharLS (as DCMTK and GDCM do, in versions of their own), OpenJPEG and OpenJPH; FFmpeg and
jpegsof3 have nothing in common with any of them.
"""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from imagecodecs import jpegsof3_decode
from openjpeg.utils import decode
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array

from dromos_crds import transfer_syntaxes as ts
from tests.pixels.samples import Kind

_DCMTK_DECODERS = {
    ts.RLE_LOSSLESS: ("dcmdrle",),
    ts.JPEG_BASELINE: ("dcmdjpeg", "+cn"), ts.JPEG_EXTENDED: ("dcmdjpeg", "+cn"),
    ts.JPEG_LOSSLESS: ("dcmdjpeg", "+cn"), ts.JPEG_LOSSLESS_SV1: ("dcmdjpeg", "+cn"),
    ts.JPEG_LS_LOSSLESS: ("dcmdjpls",), ts.JPEG_LS_NEAR_LOSSLESS: ("dcmdjpls",),
    ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: ("dcmconv", "+te"), ts.IMPLICIT_VR_LITTLE_ENDIAN: ("dcmconv", "+te"),
    ts.EXPLICIT_VR_BIG_ENDIAN: ("dcmconv", "+te"), ts.EXPLICIT_VR_LITTLE_ENDIAN: ("dcmconv", "+te"),
}  # fmt: skip
DCMTK_ENCODERS = {
    ts.RLE_LOSSLESS: ("dcmcrle",), ts.JPEG_LOSSLESS_SV1: ("dcmcjpeg", "+e1"), ts.JPEG_LOSSLESS: ("dcmcjpeg", "+el"),
    ts.JPEG_LS_LOSSLESS: ("dcmcjpls", "+el"), ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: ("dcmconv", "+td"),
    ts.JPEG_BASELINE: ("dcmcjpeg", "+eb"), ts.JPEG_EXTENDED: ("dcmcjpeg", "+ee", "+nd"),
    ts.JPEG_LS_NEAR_LOSSLESS: ("dcmcjpls", "+en", "+md", "1"),
}  # fmt: skip
GDCM_ENCODERS = {
    ts.RLE_LOSSLESS: "--rle", ts.JPEG_LOSSLESS_SV1: "--jpeg", ts.JPEG_LS_LOSSLESS: "--jpegls", ts.JPEG_2000_LOSSLESS: "--j2k",
}  # fmt: skip


class Refused(Exception):
    """The other software does not do this."""


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", timeout=60)
    said = done.stdout + done.stderr
    if done.returncode != 0 or "Corrupt JPEG" in said:
        raise Refused(f"{command[0]}: {said.strip()[-300:]}")
    return said


def by_dcmtk(path: Path, syntax: str, kind: Kind) -> np.ndarray:
    """The frames as DCMTK decodes them."""
    command = _DCMTK_DECODERS.get(syntax)
    if command is None:
        raise Refused("DCMTK")
    target = path.with_suffix(".dcmtk")
    run(*command, path, target)
    return cells(target, kind)


def by_gdcm(path: Path, syntax: str, kind: Kind) -> np.ndarray:
    """The frames as GDCM decodes them."""
    if kind.samples * kind.stored > 24:
        raise Refused("GDCM's RLE gives the samples of 16-bit colour in the wrong order")
    target = path.with_suffix(".gdcm")
    run("gdcmconv", "--raw", path, target)
    return cells(target, kind)


def by_openjpeg(path: Path, syntax: str, kind: Kind) -> np.ndarray:
    """The frames as OpenJPEG decodes them."""
    if ts.KNOWN[syntax].family is not ts.Family.JPEG_2000:
        raise Refused("OpenJPEG")
    streams = generate_frames(dcmread(path).PixelData, number_of_frames=kind.frames)
    frames = np.stack([decode(BytesIO(stream)) for stream in streams])
    return frames.reshape(kind.frames, kind.rows, kind.columns, kind.samples)


def by_ffmpeg(path: Path, syntax: str, kind: Kind) -> np.ndarray:
    """The frames as FFmpeg decodes them. It moves samples to the top of its cells, and signed ones into the positive."""
    family = ts.KNOWN[syntax].family
    if family is ts.Family.JPEG_2000 and kind.stored <= 16:
        name, marker, place = "jpeg2000", b"\xff\x51", 40
    elif family is ts.Family.JPEG_LS and kind.samples == 1:
        name, marker, place = "jpegls", b"\xff\xf7", 4
    else:
        raise Refused("FFmpeg")
    frames = []
    for stream in generate_frames(dcmread(path).PixelData, number_of_frames=kind.frames):
        said = stream[stream.index(marker) + place]
        precision, signed = ((said & 0x7F) + 1, said > 0x7F) if name == "jpeg2000" else (said, False)
        decoder = av.CodecContext.create(name, "r")
        (frame,) = [*decoder.decode(av.Packet(stream)), *decoder.decode(None)]
        samples = frame.to_ndarray()
        frames.append((samples.astype(np.int64) >> samples.itemsize * 8 - precision) - signed * (1 << precision - 1))
    return np.stack(frames).reshape(kind.frames, kind.rows, kind.columns, kind.samples)


def by_jpegsof3(path: Path, syntax: str, kind: Kind) -> np.ndarray:
    """The frames as jpegsof3 decodes them, which is made for lossless JPEG."""
    if syntax not in (ts.JPEG_LOSSLESS, ts.JPEG_LOSSLESS_SV1):
        raise Refused("jpegsof3")
    streams = generate_frames(dcmread(path).PixelData, number_of_frames=kind.frames)
    frames = np.stack([jpegsof3_decode(stream) for stream in streams])
    return frames.reshape(kind.frames, kind.rows, kind.columns, kind.samples)


def by_pydicom(path: Path, syntax: str, kind: Kind) -> np.ndarray:
    """The frames as pydicom decodes them, by itself."""
    if ts.KNOWN[syntax].family not in (ts.Family.NATIVE, ts.Family.RLE):
        raise Refused("pydicom alone")
    frames = pixel_array(dcmread(path), raw=True, decoding_plugin="pydicom" if syntax == ts.RLE_LOSSLESS else "")
    return frames.reshape(kind.frames, kind.rows, kind.columns, kind.samples)


def cells(path: Path, kind: Kind) -> np.ndarray:
    """(frames, rows, columns, samples) of a native file, colour by pixel."""
    ds = dcmread(path)
    keyword = {"float": "FloatPixelData", "double": "DoubleFloatPixelData"}.get(kind.real, "PixelData")
    value = ds[keyword].value
    shape = (kind.frames, kind.rows, kind.columns, kind.samples)
    count = int(np.prod(shape))
    if kind.real:
        return np.frombuffer(value, f"<f{kind.allocated // 8}", count).reshape(shape)
    if kind.allocated == 1:
        return np.unpackbits(np.frombuffer(value, np.uint8), bitorder="little")[:count].reshape(shape)
    flat = np.frombuffer(value, f"<{'i' if kind.signed else 'u'}{ds.BitsAllocated // 8}")
    if ds.PhotometricInterpretation == "YBR_FULL_422":
        pairs = flat[: count // 6 * 4].reshape(kind.frames, kind.rows, kind.columns // 2, 4)
        full = np.empty(shape, flat.dtype)
        full[:, :, 0::2, 0], full[:, :, 1::2, 0] = pairs[..., 0], pairs[..., 1]
        for sample in (1, 2):
            full[:, :, 0::2, sample] = full[:, :, 1::2, sample] = pairs[..., sample + 1]
        return full
    if kind.samples > 1 and ds.PlanarConfiguration == 1:
        return flat[:count].reshape(kind.frames, kind.samples, kind.rows, kind.columns).transpose(0, 2, 3, 1)
    return flat[:count].reshape(shape)


def complaints(path: Path) -> set[str]:
    """What dciodvfy calls an error."""
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", timeout=60)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")}


def stored_bits(array: np.ndarray, kind: Kind) -> np.ndarray:
    """Only the bits that count: some decoders leave the others of signed pixels empty."""
    if kind.real or kind.allocated == 1 or kind.overlay:
        return array
    mask = (1 << kind.stored) - 1
    return array.astype(np.int64) & mask
