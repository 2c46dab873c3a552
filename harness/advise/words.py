"""What advice says, in the languages of the page: one line a sentence.

The words are those of the page in each language. Its Japanese edition leaves the two messages, the names of
commands and the state ``Valid`` in English, and so does this. Where it says to clear promoted crypto units
(in Japanese too), the command deselects them, and that is what is said here.
"""
# ruff: noqa: RUF001, E501 - Japanese text has brackets and widths of its own

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.advise.advice import Answer, Phase, Reason
from harness.model.history import Doubt, Hazard


class Lang(StrEnum):
    """Languages of the page."""

    EN = "en"
    JA = "ja"


@dataclass(frozen=True)
class Text:
    """A sentence in both languages."""

    en: str
    ja: str

    def to(self, lang: Lang) -> str:
        """Return it in one of them."""
        return self.ja if lang is Lang.JA else self.en


class Heading(StrEnum):
    """Parts of the advice."""

    WHY = "why"
    EVIDENCE = "evidence"
    NEVER = "never"
    VERIFY = "verify"


HEADINGS: Mapping[Heading, Text] = {
    Heading.WHY: Text("Why", "理由"),
    Heading.EVIDENCE: Text("Evidence, by line of the transcript", "根拠（トランスクリプトの行番号）"),
    Heading.NEVER: Text("Never run now", "今は実行してはいけないコマンド"),
    Heading.VERIFY: Text("Afterwards", "実行後の確認"),
}

ANSWERS: Mapping[Answer, Text] = {
    Answer.RUN: Text("Run, in this order:", "次のコマンドをこの順に実行してください。"),
    Answer.DONE: Text("Nothing is left to run.", "実行すべきコマンドは残っていません。"),
    Answer.LOOK: Text(
        "Not enough evidence. Look first; these commands change no crypto unit:",
        "判断の根拠が不足しています。まず状態を確認してください。次のコマンドは暗号化ユニットを変更しません。",
    ),
    Answer.STOP: Text(
        "Stop. Run nothing that changes a crypto unit, and ask IBM support.",
        "中止してください。暗号化ユニットを変更するコマンドは実行せず、IBM サポートに問い合わせてください。",
    ),
}

REASONS: Mapping[Reason, Text] = {
    Reason.RULE: Text("Rule", "適用した規則"),
    Reason.FINISHED: Text("The last command ended well.", "最後のコマンドは正常に終了しています。"),
    Reason.GOES_ON: Text(
        "The last command ended well; the rotation goes on.",
        "最後のコマンドは正常に終了しています。ローテーションを続行できます。",
    ),
    Reason.REGISTERS: Text(
        "Key storage is reencrypted. The registers decide which crypto units are left to promote.",
        "鍵ストレージの再暗号化は完了しています。どの暗号化ユニットのプロモートが残っているかは、マスター鍵レジスターの状態で決まります。",
    ),
    Reason.ROWS: Text(
        "The registers alone do not tell whether reencryption of key storage has begun.",
        "マスター鍵レジスターの状態だけでは、鍵ストレージの再暗号化が開始されたかどうかを判断できません。",
    ),
    Reason.FLOW: Text(
        "It depends on the kind of rotation: give --flow auto (recovery crypto units) or --flow parts (key part files).",
        "ローテーションの方法によって異なります。--flow auto（リカバリー暗号化ユニット）または --flow parts（鍵パーツ・ファイル）を指定してください。",
    ),
    Reason.AT_REST: Text(
        "All of key storage is under the current master key, and all new registers are Empty: the rotation is over, or had not begun.",
        "鍵ストレージはすべて現行マスター鍵で暗号化されており、新規マスター鍵レジスターはすべて Empty です。ローテーションは完了しているか、まだ開始されていません。",
    ),
    Reason.DOUBT: Text(
        "A message may have been shown that is not in this transcript.",
        "このトランスクリプトに残っていないメッセージが表示された可能性があります。",
    ),
    Reason.SILENT: Text(
        "The page has no rule for what the transcript shows.",
        "トランスクリプトに示された状況に該当する規則は、ドキュメントにありません。",
    ),
    Reason.HAZARD: Text(
        "No rule holds after what was run; a wrong step now can cost keys that can still be saved.",
        "すでに実行された操作により、どの規則も適用できません。ここで誤った操作を行うと、まだ救える鍵まで失うおそれがあります。",
    ),
    Reason.CONTRADICTION: Text(
        "The messages and the registers contradict each other, and no command is safe under both.",
        "メッセージとマスター鍵レジスターの状態が矛盾しており、どちらの場合にも安全なコマンドはありません。",
    ),
    Reason.NO_RULE: Text(
        "No rule is safe for what the registers show.",
        "マスター鍵レジスターの状態に対して安全な規則がありません。",
    ),
}

CONTRADICTED = Text(
    "The messages and the registers contradict each other; what holds by the registers was chosen.",
    "メッセージとマスター鍵レジスターの状態が矛盾しているため、レジスターの状態に基づく安全な方法を選びました。",
)
# Rules of the two procedures, for readers of Japanese; readers of English get their names and sources.
RULES_JA: Mapping[str, str] = {
    "expired token": "認証トークンの有効期限切れ（ドキュメントの「処理開始前に検出されるエラー」）",
    "auto: neither message": "どちらのメッセージも表示されていない（ドキュメントの 1 番目の項目）",
    "auto: first message only": "1 つ目のメッセージだけが表示されている（ドキュメントの 2 番目の項目）",
    "both messages, none promoted": "両方のメッセージが表示され、プロモート済みの暗号化ユニットはない（ドキュメントの 3 番目の項目）",
    "both messages, some promoted": "両方のメッセージが表示され、一部の暗号化ユニットがプロモート済み（ドキュメントの 3 番目の項目、第 2 段落）",
    "both messages, all promoted": "両方のメッセージが表示され、すべての暗号化ユニットがプロモート済み（ドキュメントに記載なし）",
    "parts: rewrap not finished": "鍵パーツ: 再暗号化が完了していない（同じコマンドを再実行）",
    "parts: loading not finished": "鍵パーツ: ロードが完了していない（ドキュメントに記載なし）",
    "parts: committing not finished": "鍵パーツ: コミットが完了していない（ドキュメントに記載なし）",
    "parts: clearing not finished": "鍵パーツ: クリアが完了していない（ドキュメントに記載なし）",
    "auto: no row rewrapped, NEW not ready": "再暗号化された鍵はなく、新規マスター鍵レジスターは未完成（状態に基づく規則）",
    "parts: no row rewrapped, NEW not ready": "鍵パーツ: 再暗号化された鍵はなく、新規マスター鍵レジスターは未完成（状態に基づく規則）",
    "parts: the key is the current one": "鍵パーツ: ロードする鍵が現行マスター鍵と同じ（状態に基づく規則）",
    "NEW ready everywhere": "すべての新規マスター鍵レジスターがコミット済みで同じ検証パターン（状態に基づく規則）",
    "some promoted": "一部の暗号化ユニットがプロモート済み（状態に基づく規則）",
}

HOLDS = Text(
    "This holds only if the transcript shows everything that was run since the last rotation that ended well, "
    "also in other windows. In doubt give --registers as well.",
    "これは、最後に正常終了したローテーション以降に実行したすべての操作が（他のウィンドウでの操作も含めて）"
    "トランスクリプトに含まれている場合にのみ有効です。確信がない場合は --registers も指定してください。",
)
PRECHECK = Text(
    "The last command was refused before it began: first correct the initial condition that it names.",
    "最後のコマンドは開始前に拒否されています。まず、エラーが示す初期状態の問題を修正してください。",
)
WARNING = Text(
    "It is safe to continue past the warning of cryptounit-mk-setimm: key storage was prepared.",
    "cryptounit-mk-setimm の警告は無視して続行できます。鍵ストレージは準備済みです。",
)
DESELECT = Text(
    "cryptounit-rm only deselects; the page's word 'clear' must not be taken as zeroize.",
    "cryptounit-rm は暗号化ユニットの選択を解除するだけです。"
    "ドキュメントの「クリア」をゼロ化（zeroize）の意味に取ってはいけません。",
)
AGAIN = Text(
    "Then run hil advise again with the screens in the transcript, or in a file given by --registers.",
    "表示された画面をトランスクリプトに含めるか、--registers でファイルとして指定し、hil advise を再度実行してください。",
)
EVERY_UNIT = Text("every number of that list", "一覧にあるすべての番号")
WHERE_KNOWN = Text("if the service has it", "使用できる場合")
TYPE_UNITS = Text("when asked, type: {units}", "入力を求められたら {units} と入力")
REGISTERS = Text(
    "crypto unit {number}: CURRENT {current}, NEW {new} ({new_state})",
    "暗号化ユニット {number}: 現行 {current}、新規 {new} ({new_state})",
)
NOT_SHOWN = Text("not in the transcript: {message}", "トランスクリプトにない: {message}")

DOUBTS: Mapping[Doubt, Text] = {
    Doubt.NO_START: Text(
        "The transcript does not begin at a command line.",
        "トランスクリプトがコマンド行から始まっていません。",
    ),
    Doubt.NO_END: Text(
        "No prompt follows the last output: lines may be missing, or the command still runs.",
        "最後の出力の後にプロンプトがありません。行が欠けているか、コマンドがまだ実行中の可能性があります。",
    ),
    Doubt.NOT_SHOWN: Text(
        "The output of a command went to a file or another program.",
        "コマンドの出力がファイルまたは別のプログラムに渡されています。",
    ),
    Doubt.GAP: Text(
        "The output lacks lines that come before its end.",
        "コマンドの出力の途中の行が欠けています。",
    ),
    Doubt.UNNAMED: Text(
        "The second message was printed by another program.",
        "2 つ目のメッセージは別のプログラムが表示したものです。",
    ),
    Doubt.NO_ROTATION: Text(
        "It shows no command of a rotation.",
        "ローテーションのコマンドが含まれていません。",
    ),
}

HAZARDS: Mapping[Hazard, Text] = {
    Hazard.NEW_REPLACED: Text(
        "auto-mk-rotate was run again after reencryption may have begun: keys under the earlier new master key "
        "may be lost.",
        "再暗号化が開始された可能性のある状態で auto-mk-rotate が再実行されています。"
        "以前の新規マスター鍵で暗号化された鍵が失われた可能性があります。",
    ),
    Hazard.NEW_CLEARED: Text(
        "The new master key registers were cleared after reencryption may have begun: keys under that master "
        "key may be lost.",
        "再暗号化が開始された可能性のある状態で新規マスター鍵レジスターがクリアされています。"
        "そのマスター鍵で暗号化された鍵が失われた可能性があります。",
    ),
    Hazard.PROMOTED_EARLY: Text(
        "cryptounit-mk-setimm was run before the second message: keys that were not reencrypted may be lost.",
        "2 つ目のメッセージが表示される前に cryptounit-mk-setimm が実行されています。"
        "再暗号化されていない鍵が失われた可能性があります。",
    ),
    Hazard.CURRENT_CLEARED: Text(
        "Current master keys were cleared: they exist now only in the crypto units that were left alone.",
        "現行マスター鍵がクリアされています。現行マスター鍵は、操作の対象にならなかった暗号化ユニットにしか残っていません。",
    ),
    Hazard.OLD_KEY_BACK: Text(
        "auto-mk-recover was run in the middle of a rotation: it may have brought back the old master key.",
        "ローテーションの途中で auto-mk-recover が実行されています。古いマスター鍵が復元された可能性があります。",
    ),
}

_NEW_LOST = Text(
    "destroys the value in the new master key registers; keys that are reencrypted with it are lost",
    "新規マスター鍵レジスターの値が失われ、その値で再暗号化済みの鍵が使用できなくなります",
)
_EARLY = Text(
    "destroys the current master key; keys that are not reencrypted yet are lost",
    "現行マスター鍵が失われ、まだ再暗号化されていない鍵が使用できなくなります",
)
_CLEARED = Text(
    "destroys the current master key in these crypto units",
    "対象の暗号化ユニットの現行マスター鍵が失われます",
)
_OLD = Text(
    "a recovery crypto unit that is not promoted yet brings back the old master key",
    "まだプロモートされていないリカバリー暗号化ユニットから、古いマスター鍵が復元されてしまいます",
)
_RUNNING = (("cryptounit-mk-clrcur", _CLEARED), ("cryptounit-zeroize", _CLEARED))
_BEGUN = (("auto-mk-rotate", _NEW_LOST), ("cryptounit-mk-clrnew", _NEW_LOST))

NEVER: Mapping[Phase, tuple[tuple[str, Text], ...]] = {
    Phase.LOADING: (("cryptounit-mk-setimm", _EARLY), *_RUNNING),
    Phase.REWRAPPING: (*_BEGUN, ("cryptounit-mk-setimm", _EARLY), *_RUNNING, ("auto-mk-recover", _OLD)),
    Phase.PROMOTING: (*_BEGUN, *_RUNNING, ("auto-mk-recover", _OLD)),
    Phase.UNKNOWN: (*_BEGUN, ("cryptounit-mk-setimm", _EARLY), *_RUNNING, ("auto-mk-recover", _OLD)),
    Phase.DONE: _RUNNING,
}

SELECT_ALL = Text(
    "Select all crypto units of the service instance again: {add}.",
    "サービス・インスタンスのすべての暗号化ユニットを再度選択します: {add}",
)
VERIFY: tuple[Text, ...] = (
    Text(
        "{look}: every current register is Valid with one and the same verification pattern, every new register "
        "is Empty, recovery crypto units included.",
        "{look}: リカバリー暗号化ユニットも含め、すべての現行マスター鍵レジスターが同じ検証パターンで Valid 状態であり、"
        "すべての新規マスター鍵レジスターが Empty であること。",
    ),
    Text(
        "Unwrap a data key with every root key, retired versions too, before workloads run again.",
        "ワークロードを再開する前に、すべてのルート鍵（以前のバージョンを含む）でデータ鍵をアンラップできること。",
    ),
    Text(
        "If a command fails, run nothing else: run hil advise again with the longer transcript.",
        "コマンドが失敗した場合は他の操作を行わず、続きを含むトランスクリプトで hil advise を再度実行してください。",
    ),
)
