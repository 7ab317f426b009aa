"""Networks as PyTorch users write and train them, certified."""

from .certify_network import NetworkCertificate, certify_network
from .forecast import CertificationCost, certification_cost

__all__ = ["CertificationCost", "NetworkCertificate", "certification_cost", "certify_network"]
