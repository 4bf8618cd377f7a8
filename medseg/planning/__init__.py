"""cases -> Fingerprint -> Plan."""

from medseg.planning.fingerprint import CaseFacts, case_facts, merged_fingerprint
from medseg.planning.plan import make_plan, mirroring

__all__ = [
    "CaseFacts",
    "case_facts",
    "make_plan",
    "merged_fingerprint",
    "mirroring",
]
