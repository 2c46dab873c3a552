"""What advice says, in the languages of the page: one line a sentence.

The words are those of the page in each language; in Japanese every sentence is a polite one, and what names a
rule is a case. Its Japanese edition leaves the two messages, the names of commands and the state ``Valid`` in
English, and so does this. Where it says to clear promoted crypto units (in Japanese too), the command
deselects them, and that is what is said here.
"""
# ruff: noqa: RUF001, E501 - Japanese text has brackets and widths of its own

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hil.targets.hpcs.model.history import Doubt, Hazard
from hil.targets.hpcs.tools.advise.advice import Answer, Reason


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


class AdviceHeading(StrEnum):
    """Parts of the advice."""

    WHY = "why"
    EVIDENCE = "evidence"
    NEVER = "never"
    VERIFY = "verify"


HEADINGS: Mapping[AdviceHeading, Text] = {
    AdviceHeading.WHY: Text("Why", "理由"),
    AdviceHeading.EVIDENCE: Text("Evidence, by line of the transcript", "根拠（コマンド出力の記録の行番号）"),
    AdviceHeading.NEVER: Text("Never run now", "今は実行してはいけないコマンド"),
    AdviceHeading.VERIFY: Text("Afterwards", "実行後の確認事項"),
}

ANSWERS: Mapping[Answer, Text] = {
    Answer.RUN: Text("Run, in this order:", "次のコマンドをこの順に実行してください。"),
    Answer.DONE: Text("Nothing is left to run.", "実行する必要のあるコマンドは残っていません。"),
    Answer.LOOK: Text(
        "Not enough evidence. Look first; these commands change no crypto unit:",
        "判断の根拠が不足しています。まず、次のコマンドで状態を確認してください。これらのコマンドによって暗号化ユニットの状態が変わることはありません。",
    ),
    Answer.STOP: Text(
        "Stop. Run nothing that changes a crypto unit, and ask IBM support.",
        "作業を中止してください。暗号化ユニットの状態を変えるコマンドは実行せず、IBM サポートに問い合わせてください。",
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
        "この記録に残っていないメッセージが表示された可能性があります。",
    ),
    Reason.SILENT: Text(
        "The page has no rule for what the transcript shows.",
        "この記録に示された状況に該当する規則は、ドキュメントに記載されていません。",
    ),
    Reason.HAZARD: Text(
        "No rule holds after what was run; a wrong step now can cost keys that can still be saved.",
        "すでに実行された操作があるため、どの規則も適用できません。ここで不適切な復旧処置を行うと、まだ復旧できる鍵まで失われるおそれがあります。",
    ),
    Reason.CONTRADICTION: Text(
        "The messages and the registers contradict each other, and no command is safe under both.",
        "メッセージとマスター鍵レジスターの状態が矛盾しており、どちらが正しくても安全だと言えるコマンドはありません。",
    ),
    Reason.NO_RULE: Text(
        "No rule is safe for what the registers show.",
        "マスター鍵レジスターの状態に対して安全に適用できる規則がありません。",
    ),
    Reason.REFUSED: Text(
        "The last command was refused before it changed anything; the page says to run it again.",
        "最後のコマンドは、何も変更しないうちに拒否されています。ドキュメントでは、コマンドを再実行することになっています。",
    ),
    Reason.CONDITION: Text(
        "The last command was refused because of the master key registers; an earlier rotation may have left them so. "
        "They decide.",
        "最後のコマンドは、マスター鍵レジスターの状態が原因で拒否されています。以前のローテーションがその状態を残した可能性があるため、"
        "マスター鍵レジスターの状態で判断します。",
    ),
    Reason.INSTANCE: Text(
        "The registers that are shown are not known to be those of the service instance that is rotated. "
        "Show that one alone, or the transcript with the line that names it.",
        "表示されているマスター鍵レジスターが、ローテーション対象のサービス・インスタンスのものかどうかを判断できません。"
        "そのサービス・インスタンスだけを表示するか、名前を示す行を記録に含めてください。",
    ),
}

CONTRADICTED = Text(
    "The messages and the registers contradict each other; what holds by the registers was chosen.",
    "メッセージとマスター鍵レジスターの状態が矛盾しているため、マスター鍵レジスターの状態に基づく安全な方法を選択しています。",
)
# Rules of the two procedures, for readers of Japanese; readers of English get their names and sources.
RULES_JA: Mapping[str, str] = {
    "expired token": "認証トークンの有効期限が切れている場合（ドキュメントで、処理の開始前に検出されるエラー）",
    "auto: neither message": "どちらのメッセージも表示されていない場合（ドキュメントの 1 番目の項目）",
    "auto: first message only": "1 つ目のメッセージだけが表示されている場合（ドキュメントの 2 番目の項目）",
    "both messages, none promoted": "両方のメッセージが表示され、どの暗号化ユニットもプロモートされていない場合（ドキュメントの 3 番目の項目）",
    "both messages, some promoted": "両方のメッセージが表示され、一部の暗号化ユニットがプロモートされている場合（ドキュメントの 3 番目の項目の第 2 段落）",
    "both messages, all promoted": "両方のメッセージが表示され、すべての暗号化ユニットがプロモートされている場合（ドキュメントに記載なし）",
    "parts: rewrap not finished": "鍵パーツ・ファイルによるローテーションで、再暗号化が完了していない場合（同じコマンドの再実行）",
    "parts: loading not finished": "鍵パーツ・ファイルによるローテーションで、ロードが完了していない場合（ドキュメントに記載なし）",
    "parts: committing not finished": "鍵パーツ・ファイルによるローテーションで、コミットが完了していない場合（ドキュメントに記載なし）",
    "parts: clearing not finished": "鍵パーツ・ファイルによるローテーションで、クリアが完了していない場合（ドキュメントに記載なし）",
    "auto: no row rewrapped, NEW not ready": "再暗号化された鍵がなく、新規マスター鍵レジスターが未完成の場合（状態に基づく規則）",
    "parts: no row rewrapped, NEW not ready": "鍵パーツ・ファイルによるローテーションで、再暗号化された鍵がなく、新規マスター鍵レジスターが未完成の場合（状態に基づく規則）",
    "parts: the key is the current one": "鍵パーツ・ファイルからロードする鍵が現行マスター鍵と同じ場合（状態に基づく規則）",
    "NEW ready everywhere": "すべての新規マスター鍵レジスターがコミット済みで、検証パターンが同じ場合（状態に基づく規則）",
    "some promoted": "一部の暗号化ユニットがプロモートされている場合（状態に基づく規則）",
}

HOLDS = Text(
    "This holds only if the transcript shows everything that was run since the last rotation that ended well, "
    "also in other windows. In doubt give --registers as well.",
    "この判断は、最後に正常終了したローテーション以降に実行したすべての操作が（他のウィンドウでの操作も含めて）"
    "記録に含まれている場合にのみ有効です。確信がない場合は、--registers も指定してください。",
)
PRECHECK = Text(
    "The last command was refused before it began: first correct the initial condition that it names.",
    "最後のコマンドは開始前に拒否されています。エラーに示された初期状態を正してから、実行してください。",
)
TOKEN_FIRST = Text(
    "The page names the expired token before the messages, but they decide: after a message, auto-mk-rotate must not be "
    "run again, not even after a new login.",
    "ドキュメントでは認証トークンの有効期限切れがメッセージより先に挙げられていますが、判断の基準はメッセージです。"
    "メッセージが表示された後は、ログインし直しても auto-mk-rotate を再実行してはいけません。",
)
WARNING = Text(
    "It is safe to continue past the warning of cryptounit-mk-setimm: key storage was prepared.",
    "cryptounit-mk-setimm の警告が表示されても、続行して問題ありません。鍵ストレージの準備は完了しています。",
)
DESELECT = Text(
    "cryptounit-rm only deselects; the page's word 'clear' must not be taken as zeroize.",
    "cryptounit-rm は暗号化ユニットの選択を解除するだけです。"
    "ドキュメントの「クリア」をゼロ化（zeroize）の意味に解釈してはいけません。",
)
AGAIN = Text(
    "Then run hil advise again with the screens in the transcript, or in a file given by --registers.",
    "表示された画面を記録に含めるか、ファイルに保存して --registers で指定し、hil advise を再度実行してください。",
)
TYPE_ALL = Text(
    "when asked, type every number of that list",
    "入力を求められたら、一覧にあるすべての番号を入力してください",
)
WHERE_KNOWN = Text("if the service has it", "サービスで使用できる場合に実行してください")
TYPE_UNITS = Text("when asked, type: {units}", "入力を求められたら、「{units}」と入力してください")
REGISTERS = Text(
    "crypto unit {number}: CURRENT {current}, NEW {new} ({new_state})",
    "暗号化ユニット {number}: 現行 {current}、新規 {new} ({new_state})",
)
NOT_SHOWN = Text("not in the transcript: {message}", "記録にないメッセージ: {message}")

DOUBTS: Mapping[Doubt, Text] = {
    Doubt.NO_START: Text(
        "The transcript does not begin at a command line.",
        "記録がコマンド行から始まっていません。",
    ),
    Doubt.NO_END: Text(
        "No prompt follows the last output: lines may be missing, or the command still runs.",
        "最後の出力の後にプロンプトがありません。行が欠けているか、コマンドがまだ実行中である可能性があります。",
    ),
    Doubt.NOT_SHOWN: Text(
        "The output of a command went to a file or another program.",
        "コマンドの出力がファイルまたは別のプログラムに渡されています。",
    ),
    Doubt.GAP: Text(
        "The output is not, line for line, what the command prints: lines may be missing, or changed.",
        "コマンドの出力が、そのコマンドの表示する行と一致しません。行が欠けているか、変わっている可能性があります。",
    ),
    Doubt.LAST_COMMIT: Text(
        "The last crypto unit was being committed; the first message is the next line, and may have been lost.",
        "最後の暗号化ユニットをコミットしているところで出力が終わっています。"
        "次に表示される行は 1 つ目のメッセージであり、その行が失われた可能性があります。",
    ),
    Doubt.DAMAGED: Text(
        "A line may be one of the messages, cut or misread.",
        "いずれかのメッセージの一部が欠けたか、文字が変わったと思われる行があります。",
    ),
    Doubt.UNREAD: Text(
        "Something of a rotation stands where no command of one could be read.",
        "ローテーションのコマンドが読み取れない箇所に、ローテーションの出力または入力と思われる行があります。",
    ),
    Doubt.EARLIER: Text(
        "The transcript does not show what was in the new master key registers when the command began.",
        "コマンドの開始時に新規マスター鍵レジスターに何が入っていたのかを、記録からは判断できません。",
    ),
    Doubt.INSTANCES: Text(
        "It shows rotations of several service instances.",
        "複数のサービス・インスタンスのローテーションが含まれています。",
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
