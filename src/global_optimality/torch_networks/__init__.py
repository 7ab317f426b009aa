"""Networks as PyTorch users write and train them, certified."""

from .certify_network import NetworkCertificate, certify_network

__all__ = ["NetworkCertificate", "certify_network"]
