# SPDX-License-Identifier: Apache-2.0
"""A CT slice with a header as scanners write them: 145 elements, a dozen private ones, sequences, 512 KB of pixels."""

from __future__ import annotations

import random
from pathlib import Path

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

ELEMENTS = 145
PIXELS = 512 * 1024
_PREFIX = "1.2.826.0.1.3680043.9.77."
_KEYWORDS = """
InstanceCreationDate InstanceCreationTime StudyDate SeriesDate AcquisitionDate ContentDate StudyTime SeriesTime
AcquisitionTime ContentTime AccessionNumber Modality Manufacturer InstitutionName InstitutionAddress
ReferringPhysicianName StationName StudyDescription SeriesDescription InstitutionalDepartmentName
PerformingPhysicianName NameOfPhysiciansReadingStudy OperatorsName ManufacturerModelName DerivationDescription
PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex OtherPatientNames PatientAge PatientSize
PatientWeight EthnicGroup Occupation AdditionalPatientHistory PatientComments BodyPartExamined ScanOptions
SliceThickness KVP DataCollectionDiameter DeviceSerialNumber SoftwareVersions ProtocolName ReconstructionDiameter
DistanceSourceToDetector DistanceSourceToPatient GantryDetectorTilt TableHeight RotationDirection ExposureTime
XRayTubeCurrent Exposure FilterType GeneratorPower FocalSpots DateOfLastCalibration TimeOfLastCalibration
ConvolutionKernel PatientPosition ContrastBolusAgent ContrastBolusRoute ContrastBolusVolume AcquisitionType StudyID
SeriesNumber AcquisitionNumber InstanceNumber PositionReferenceIndicator SliceLocation ImageComments
TemporalPositionIdentifier NumberOfTemporalPositions ImagesInAcquisition WindowCenter WindowWidth RescaleIntercept
RescaleSlope RescaleType WindowCenterWidthExplanation RequestingPhysician RequestingService
RequestedProcedureDescription CurrentPatientLocation PatientState PerformedProcedureStepStartDate
PerformedProcedureStepStartTime PerformedProcedureStepID PerformedProcedureStepDescription RequestedProcedureID
ReasonForTheRequestedProcedure PerformedStationAETitle PerformedStationName PerformedLocation AdmissionID
ServiceEpisodeID MedicalAlerts Allergies SmokingStatus LastMenstrualDate PatientReligiousPreference
ResponsiblePerson ResponsibleOrganization CountryOfResidence RegionOfResidence PatientTelephoneNumbers MilitaryRank
BranchOfService PatientMotherBirthName PatientBirthName PatientBirthTime
""".split()  # noqa: SIM905
_TEXTS = {"DA": "20240102", "TM": "101500", "DS": "1.5", "IS": "3", "AS": "043Y", "CS": "YES", "PN": "Doe^Jane"}


def header(generator: random.Random, index: int) -> Dataset:
    """The data set without pixels."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 100"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid(_PREFIX)
    data.StudyInstanceUID, data.SeriesInstanceUID = f"{_PREFIX}1", f"{_PREFIX}2"
    data.FrameOfReferenceUID = f"{_PREFIX}3"
    for keyword in _KEYWORDS:
        vr = dictionary_VR(keyword)
        setattr(data, keyword, _TEXTS.get(vr, f"{keyword} {generator.randrange(10**6)}"[:16]))
    data.Modality, data.PatientID, data.InstanceNumber = "CT", "BENCH-1", str(index)
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, index], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing = [0.5, 0.5]
    data.Rows = data.Columns = 512
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.ReferencedImageSequence = Sequence([_reference(generator) for _ in range(3)])
    data.RequestAttributesSequence = Sequence([_request()])
    block = data.private_block(0x0019, "BENCH 1.0", create=True)
    for number in range(10):
        block.add_new(number, "DS", str(generator.random())[:12])
    return data


def write(folder: Path, count: int) -> list[Path]:
    """So many slices, with pixels of noise."""
    generator = random.Random("headers")
    paths = []
    for index in range(count):
        data = header(generator, index)
        assert sum(1 for _ in data) + 1 == ELEMENTS, sum(1 for _ in data)
        data.add_new(0x7FE00010, "OW", generator.randbytes(PIXELS))
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        paths.append(folder / f"{index:05}.dcm")
        data.save_as(paths[-1], enforce_file_format=True)
    return paths


def _reference(generator: random.Random) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = f"{_PREFIX}{generator.randrange(10**12)}"
    return item


def _request() -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepDescription, item.ScheduledProcedureStepID = "Thorax", "4711"
    item.RequestedProcedureID = "4712"
    return item
