"""Which zones a region has. No SDK: configuration is checked before a provider is loaded.

Unverified: written in 2026-11 without a vendor page at hand. Zone letters are mapped per account, and an account may
see others or fewer; the cloud then refuses the subnet by name. `aws ec2 describe-availability-zones` is the authority.
"""

from __future__ import annotations

from types import MappingProxyType

from components.place import Cloud

_AWS = {
    "af-south-1": "abc",
    "ap-east-1": "abc",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ap-northeast-3": "abc",
    "ap-south-1": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
    "ap-southeast-3": "abc",
    "ca-central-1": "abd",
    "eu-central-1": "abc",
    "eu-central-2": "abc",
    "eu-north-1": "abc",
    "eu-south-1": "abc",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-west-3": "abc",
    "me-central-1": "abc",
    "sa-east-1": "abc",
    "us-east-1": "abcdef",
    "us-east-2": "abc",
    "us-west-1": "ac",
    "us-west-2": "abcd",
}

ZONES = MappingProxyType({Cloud.AWS: MappingProxyType({region: frozenset(z) for region, z in _AWS.items()})})
"""Zone letters by cloud and region."""
