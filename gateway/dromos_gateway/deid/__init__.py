# SPDX-License-Identifier: Apache-2.0
"""De-identification and tag morphing: a profile is compiled to a plan, a plan changes instances.

What comes out is a pure function of the instance, the profile, the project's key and the pseudonym.
"""
