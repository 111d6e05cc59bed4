# SPDX-License-Identifier: Apache-2.0
"""De-identification profiles in Karnak's form: what they may say, and what is wrong with one.

Pure: `dromos validate`, the operator and the gateway read the same profile to the same rules and problems.
"""

from dromos_crds.profiles.files import read_profile_file
from dromos_crds.profiles.problems import ProfileProblem
from dromos_crds.profiles.reading import CheckedProfile, read_profile

__all__ = ["CheckedProfile", "ProfileProblem", "read_profile", "read_profile_file"]
