"""The rewrap job end to end: real crypto units, real service, keys in every state."""


def test_smoke(kms, units):
    """Smoke."""
    key = kms.root_key()
    locked, plain = kms.lock(key)
    assert kms.unlock(key, locked) == plain
    new = units.new_master_key()
    print(kms.rewrap())
    print(kms.get("rotation"))
    units.promote()
    assert kms.unlock(key, locked) == plain
    assert kms.master_keys() == {new}
