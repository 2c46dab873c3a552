"""What must not be run now, and what is to be checked afterwards, in the languages of the page."""
# ruff: noqa: RUF001, E501 - Japanese text has brackets and widths of its own

from collections.abc import Mapping

from hil.targets.hpcs.tools.advise.advice import RotationPhase
from hil.targets.hpcs.tools.advise.words import Text

_NEW_LOST = Text(
    "destroys the value in the new master key registers; keys that are reencrypted with it are lost",
    "新規マスター鍵レジスターの値が失われ、その値で再暗号化済みの鍵が使用できなくなります。",
)
_EARLY = Text(
    "destroys the current master key; keys that are not reencrypted yet are lost",
    "現行マスター鍵が失われ、まだ再暗号化されていない鍵が使用できなくなります。",
)
_CLEARED = Text(
    "destroys the current master key in these crypto units",
    "対象の暗号化ユニットの現行マスター鍵が失われます。",
)
_OLD = Text(
    "a recovery crypto unit that is not promoted yet brings back the old master key",
    "まだプロモートされていないリカバリー暗号化ユニットから、古いマスター鍵が復元されてしまいます。",
)
_RUNNING = (("cryptounit-mk-clrcur", _CLEARED), ("cryptounit-zeroize", _CLEARED))
_BEGUN = (("auto-mk-rotate", _NEW_LOST), ("cryptounit-mk-clrnew", _NEW_LOST))

NEVER: Mapping[RotationPhase, tuple[tuple[str, Text], ...]] = {
    RotationPhase.LOADING: (("cryptounit-mk-setimm", _EARLY), *_RUNNING),
    RotationPhase.REWRAPPING: (
        *_BEGUN,
        ("cryptounit-mk-setimm", _EARLY),
        *_RUNNING,
        ("auto-mk-recover", _OLD),
    ),
    RotationPhase.PROMOTING: (*_BEGUN, *_RUNNING, ("auto-mk-recover", _OLD)),
    RotationPhase.UNKNOWN: (*_BEGUN, ("cryptounit-mk-setimm", _EARLY), *_RUNNING, ("auto-mk-recover", _OLD)),
    RotationPhase.DONE: _RUNNING,
}

SELECT_ALL = Text(
    "Select all crypto units of the service instance again: {add}.",
    "サービス・インスタンスのすべての暗号化ユニットを再度選択してください: {add}",
)
VERIFY: tuple[Text, ...] = (
    Text(
        "{look}: every current register is Valid with one and the same verification pattern, every new register "
        "is Empty, recovery crypto units included.",
        "{look}: リカバリー暗号化ユニットも含め、すべての現行マスター鍵レジスターが同じ検証パターンで Valid 状態であり、"
        "すべての新規マスター鍵レジスターが Empty であることを確認してください。",
    ),
    Text(
        "Unwrap a data key with every root key, retired versions too, before workloads run again.",
        "ワークロードを再開する前に、すべてのルート鍵（以前のバージョンを含む）でデータ鍵をアンラップできることを確認してください。",
    ),
    Text(
        "If a command fails, run nothing else: run hil advise again with the longer transcript.",
        "コマンドが失敗した場合は他の操作を行わず、続きを含む記録で hil advise を再度実行してください。",
    ),
)
