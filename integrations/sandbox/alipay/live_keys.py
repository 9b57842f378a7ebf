"""Without this module Alipay's side could not change a key while residents pay: it says which are good now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from integrations.sandbox.alipay_keys import certificate_sn
from integrations.sandbox.world import World


def app_keys(world: World) -> Mapping[str, RSAPublicKey]:
    """Whose signature is the application's, by the serial of its certificate."""
    keys, changed = world.keys.alipay, world.rotations.of("alipay_app")
    first = {keys.app_cert_sn: keys.app}
    if changed is None:
        return first
    sn = certificate_sn(x509.load_pem_x509_certificate(changed.certificate.encode()))
    second = {sn: changed.key.public_key()}
    return second if changed.is_alone else first | second


def platform_key(world: World) -> RSAPrivateKey:
    """What Alipay signs with for an application in key mode."""
    changed = world.rotations.of("alipay_key")
    return changed.key if changed and changed.is_used else world.keys.alipay.platform


def aes_key(world: World) -> str:
    """What Alipay encrypts with."""
    changed = world.rotations.of("alipay_aes_key")
    return changed.secret if changed and changed.is_used else world.keys.alipay.account.aes_key


def aes_keys(world: World) -> Sequence[str]:
    """What an application may have encrypted with."""
    changed, first = world.rotations.of("alipay_aes_key"), world.keys.alipay.account.aes_key
    if changed is None:
        return [first]
    return [changed.secret] if changed.is_alone else [first, changed.secret]
