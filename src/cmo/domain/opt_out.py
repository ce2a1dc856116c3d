"""Words by which people ask not to be written to, in the languages profiles are written in.

When in doubt the answer is yes: a lost lead costs less than a mail to somebody who said no. Still it must be the
person's own wish: somebody who builds do-not-contact lists, or welcomes recruiters, has not asked for anything.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

from cmo.domain.text import clean_line

_MARKUP = re.compile(r"[*_~`“”„«»\"]+")
_APOSTROPHES = re.compile("[\u2018\u2019\u02bc\u00b4]")
_LONGEST_QUOTE = 120


def find_opt_out(texts: Iterable[str | None]) -> str | None:
    """The first words in `texts` that ask not to be contacted, as written (cleaned, at most 120 characters)."""
    for text in texts:
        if text:
            readable = _readable(text)
            match = _opt_out().search(readable)
            if match:
                return clean_line(readable[match.start() : match.end()], limit=_LONGEST_QUOTE)
    return None


def _readable(text: str) -> str:
    flat = _APOSTROPHES.sub("'", clean_line(text, limit=4000))
    return " ".join(_MARKUP.sub(" ", unicodedata.normalize("NFKC", flat)).split())


@cache
def _opt_out() -> re.Pattern[str]:
    """One expression for all languages; compiled on first use, since that takes a while."""
    names = dict(line.split(" = ", 1) for line in _logical_lines(_WORDS))
    patterns = [re.sub(r"<([a-z_]+)>", lambda name: names[name.group(1)], line) for line in _logical_lines(_PATTERNS)]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments; one that is indented by four spaces continues the line before."""
    joined = text.strip("\n").replace("\n    ", "")
    return (line for line in joined.split("\n") if not line.startswith("#"))


_WORDS = r"""
who = (?:(?:tech |external |agency |third[ -]party )?(?:recruit(?:er|or)s?|recruitment|recruiting|
    head ?hunters?)|(?:recruitment |staffing )?agencies|agency|sales(?: ?(?:people|persons?|reps?|teams?|
    pitch(?:es)?|calls?|e-?mails?|mails?|messages?|outreach|spam))?|solicit(?:ing|ations?|ors?)|spam(?:mers?|ming)?|
    cold[ -]?(?:e-?mail(?:s|ing)?|calls?|calling|outreach|messages?|pitch(?:es)?|contacts?|dms?)|unsolicited [\w-]+|
    (?:marketing|promotional|promo|commercial|advertising|bulk|mass|junk) (?:e-?mails?|mails?|messages?|offers?|
    calls?|outreach|stuff)|marketing|marketers|marketeers|advert(?:s|isement|isements|ising)|job (?:offers?|spam|
    pitches)|outreach(?: e-?mails?)?|lead[ -]?gen(?:eration)?|seo (?:offers?|e-?mails?|pitches))
act = (?:contact|e-?mail|mail|message|dm|pm|call|write(?: to)?|approach|solicit|spam|bother|ping|disturb|pitch|
    cold[ -]?(?:e-?mail|call|contact|message)|reach out to|send|pester|sell to|add me to)
not = (?:don'?t|do not|never|pls don'?t|plz don'?t|stop|refrain from|quit|no need to)
elsewhere = (?!(?: me| us)? (?:on|via|through|over|by|at my) (?:twitter|x|linkedin|facebook|phone|telephone|
    discord|slack|telegram|whatsapp|instagram|mastodon|irc|work)\b)
not_said_of_others = (?<!with )(?<!has )(?<!have )(?<!had )(?<!are )(?<!is )(?<!were )(?<!needs )(?<!requires )
    (?<!meets )(?<!sends )
ignored = (?:(?:is|are|be|get|gets|will be|will get|shall be|ist?|=+>?|→|->|:)? ?(?:not (?:welcome|wanted|
    appreciated|accepted|tolerated|read|answered)|unwelcome|unwanted|ignored|blocked|reported|deleted|binned|
    marked as spam|trashed|block(?:list)?|instant block|spam folder|/dev/null)|(?:go(?:es)?|sent|straight) (?:away|
    to (?:spam|trash|/dev/null|the bin))|(?:please )?(?:stay away|keep (?:out|away|off)|stay out|back off|begone|
    need not apply|look elsewhere|move along))
"""
"""What senders are called, what they send and do, and how they are turned away; named in the patterns below."""

_PATTERNS = r"""
# English
<not_said_of_others>(?<![\w-])no(?: more| fucking| f\*+ing| please)?[ ,:]+(?:to )?<who>(?![\w-])(?! (?:filters?|
    fighting|detection|protection|software|tools?|policies|policy engine|experience|required|involved|team\b))
(?<![\w-])(?:not? (?:interested in|open to|accepting|available for|looking for|taking|a fan of)|not? thanks? to|
    say no to) (?:any )?<who>(?![\w-])(?! (?:filters?|software|tools?|detection))
<not> <elsewhere><act><elsewhere>(?:ing)?(?: to)? (?:me|us|here)\b<elsewhere>
<not> (?:contact|e-?mail|mail|cold[ -]?(?:e-?mail|call|contact|message)|solicit|spam|pitch)(?=[.!,;]|$| (?:for|
    with|about|regarding|unless|if you|without|please|under)\b)
(?:please|pls|plz|kindly|,|!|\.|^) ?(?:do )?not? (?:contact|e-?mails?|mails?|messages|calls|dms)(?: me|
     us)?(?: please| pls| plz|[.!]|$)
\b<who>(?![\w-])[ ,:;.!-]*(?:e-?mails? |messages? |offers? |calls? )?<ignored>
\b<who>(?![\w-])[ ,:;.!-]+(?:please )?(?:<not>|leave me)\b
\b(?:leave me alone|opt(?:ed)?[ -]out of (?:all )?(?:e-?mails?|marketing|outreach|contact)|i do not consent to|
    i don'?t consent to|i (?:do not|don'?t) (?:want|wish) to be (?:contacted|e-?mailed|approached)|
    not to be (?:contacted|e-?mailed)|unsubscribe me)\b
\b(?:i |we )?(?:block|report|ignore|delete|hate|loathe|despise|charge(?: for)?|bill) (?:all |any |
    every )?(?:tech )?(?:recruiters?|head ?hunters?|cold (?:e-?mails?|calls?|outreach)|unsolicited [\w-]+|
    sales (?:e-?mails?|pitches|calls?)|spammers)\b
(?:🚫|⛔|❌|🙅\S*|🛑) ?(?:cold |tech |no )?(?:recruit\w*|spam|sales|e-?mails?|cold|solicit\w*|headhunters?|marketing|
    ads)\b
\b(?:recruiters?|head ?hunters?|spam|sales|cold e-?mails?|solicit\w*) ?(?:🚫|⛔|❌|🛑)
# German
\bkeine?n? (?:recruiter\w*|personal(?:vermittler|berater)\w*|head ?hunter\w*|kaltakquise|akquise|werbung|
    werbe\w+|spam|unaufgefordert\w*|unverlangt\w*|job ?angebote|vertriebs?\w*|sales\w*|(?:werbe-?|
    kalt-?)?(?:e-?mails?|mails|anfragen|anrufe|nachrichten)|kontaktaufnahme)\b
\b(?:bitte )?(?:mich )?nicht (?:(?:per|via) e-?mail )?(?:kontaktieren|anschreiben|anmailen|anrufen|belästigen|
    zuspammen|stören)\b
\b(?:kontaktiert|kontaktieren sie|schreibt|schreiben sie) mich (?:bitte )?nicht\b
\b(?:werbung|recruiter|kaltakquise|kontaktaufnahme|akquise|headhunter)\b[^.!?]{0,60}\b(?:unerwünscht|untersagt|
    verboten|nicht erwünscht|nein danke|zwecklos)
# French
\b(?:pas d[e'] ?|non aux? |aucune? |stop aux? |sans )(?:recruteu\w+|chasseurs de têtes|démarch\w+|prospection|
    sollicit\w+|spam|pub(?:licité)?s?|e?-?mails? (?:non sollicités?|commercia\w+|de prospection)|e?-?mails?|mailing|
    messages? (?:non sollicités?|commercia\w+))
\bne (?:me |m'|pas (?:me |m')?)(?:contact\w+|écri\w+|envo\w+|démarch\w+|sollicit\w+|dérang\w+)(?: pas)?\b
\b(?:recruteurs?|démarch\w+|démarcheurs)\b[^.!?]{0,30}\b(?:s'abstenir|interdit\w*|passez votre chemin|ignorés?|
    bloqués?)
# Spanish
\b(?:sin|nada de|cero) (?:recruiters?|head ?hunters?|spam)\b
\b(?:no|sin|nada de|cero) (?:a (?:los )?)?(?:reclutador\w*|publicidad|correos? (?:no (?:solicitad|desead)\w+|
    comercial\w+)|(?:correos?|e-?mails?) (?:en frío|promocional\w+)|ventas)\b
\bno (?:me |nos )?(?:contact(?:ar|en|es|éis|e|áis)|escrib(?:ir|an|as|áis)|envi(?:ar|en|es|éis)|env[ií]en|
    molest(?:ar|en|es|éis)|mand(?:ar|en|es|éis))(?:me|nos)?\b
\b(?:abst[eé]n\w+ (?:los )?(?:reclutador\w*|recruiters?|comerciales)|(?:reclutador\w*|recruiters?|
    comerciales) abst\w+)
# Portuguese
\b(?:sem|nada de|chega de) (?:recrutador\w*|recruiters?|head ?hunters?|spam|publicidade|propaganda|
    e-?mails? (?:não solicitad\w+|comercia\w+|frios?))\b
\bnão (?:me |nos )?(?:contat\w+|contact\w+|envi\w+|mand\w+|escrev\w+|perturb\w+|incomod\w+|
    aceito (?:recrutador\w*|spam|e-?mails?|propostas?))
\b(?:recrutador\w*|vendedor\w*)[,:]? (?:não|favor não|por favor,? não)\b
# Italian
\b(?:niente|nessun[ao]?|basta) (?:recruiters?|head ?hunters?|spam)\b
\b(?:niente|no|nessun[ao]?|basta) (?:a (?:i )?|ai )?(?:reclutator\w*|pubblicità|e-?mail (?:commerciali|
    non richieste|pubblicitarie))\b
\bnon (?:mi |ci )?(?:contatt(?:are|ate|atemi|armi|atevi|i|ino)|scriv(?:ere|ete|etemi|ermi|a|ano)|invi(?:are|ate|
    atemi|armi)|mand(?:are|ate|atemi|armi)|disturb(?:are|ate))\b
\bastenersi (?:recruiter\w*|reclutator\w*|agenzie|venditori|perditempo)
# Dutch
\bgeen (?:recruiters?|headhunters?|acquisitie|spam|reclame|ongevraagde \w+|koude acquisitie|cold (?:e-?mails?|
    calls?)|wervings\w*|verkoop\w*|e-?mails?)\b
\b(?:acquisitie|recruiters?|reclame)\b[^.!?]{0,80}\bniet (?:op prijs gesteld|gewenst|welkom)
\b(?:gelieve |svp |a\.?u\.?b\.? )?(?:mij |me )?niet (?:te )?(?:mailen|benaderen|contacteren|e-mailen|storen)\b
# Polish, Czech
\b(?:bez|żadnych|zero|proszę bez) (?:rekruter\w*|rekrutac\w*|headhunter\w*|spamu|reklam|ofert handlowych)
\b(?:proszę )?nie (?:kontaktować|kontaktuj(?:cie)?|pisać|piszcie|wysyłać|wysyłaj(?:cie)?|spamować)\b
\b(?:žádn[íéý]\w* (?:recruite\w+|náborář\w+|headhunte\w+|spam\w*|reklam\w*|nabídky)|nekontaktujte|nepište mi|
    neposílejte)
# Swedish, Danish, Norwegian
\b(?:inga|ingen|ingen av) (?:rekryterare|rekrutterere|rekruttere\w*|headhunters?|spam|säljare|säljsamtal|
    sälj\w+|reklam\w*|selgere|sælgere)\b
\b(?:säljsamtal|rekryterare|reklam|försäljning)\b[^.!?]{0,30}\bundanbed(?:es|s)
\b(?:kontakta mig inte|kontakta inte mig|ikke kontakt mig|ikke kontakt meg|kontakt mig ikke|kontakt meg ikke|
    vennligst ikke kontakt|venligst ikke kontakt)\b
# Turkish, Indonesian, Finnish, Romanian, Hungarian
(?:rahatsız etmeyin|iletişime geçmeyin|e-?posta (?:atmayın|göndermeyin)|spam (?:yapmayın|göndermeyin)|
    bana yazmayın)
\b(?:jangan (?:hubungi|email|kirim|ganggu)|tidak menerima (?:rekruter|spam|tawaran))
\b(?:ei (?:rekrytoijia|headhuntereita|mainoksia|spämmiä|myyntipuheluita)|älä(?:kää)? (?:ottako|ota) yhteyttä)
\b(?:fără (?:recrutori|spam|reclame)|nu (?:mă|ma) contacta\w*|ne keressetek|kérem ne keressen|
    fejvadászok kíméljenek)
# Russian, Ukrainian, Bulgarian
(?:без|никаких|нет) (?:рекрут\w+|hr\b|эйчар\w*|спама|рекламы|холодных)
(?:рекрутер\w*|hr|эйчар\w*|хедхантер\w*|спамер\w*)[ ,:—-]*(?:просьба |пожалуйста,? )?не (?:беспокоить|писать|
    пишите|звонить|тревожить)
(?:прошу |просьба |пожалуйста,? )?не (?:беспокоить|беспокойте|пишите мне|писать мне|присылайте|связывайтесь|
    спамить|спамьте)
(?:не (?:турбувати|турбуйте|пишіть мені|спамити)|без (?:рекрутерів|спаму|реклами)|не ме (?:безпокойте|търсете))
# Greek, Hebrew, Arabic
(?:όχι (?:spam|recruiters|διαφημίσεις)|μην (?:επικοινωνείτε|στέλνετε|ενοχλείτε))
(?:(?:נא |אנא |בבקשה )לא (?:לפנות|לשלוח|להתקשר|ליצור קשר|להטריד)|אל תפנו|אל תשלחו|ללא (?:מגייסים|ספאם|פרסומות)|
    לא למגייסים)
(?:(?:لا|عدم|يرجى عدم|الرجاء عدم) ?(?:تراسل|تراسلني|ترسل|تتواصل|التواصل|المراسلة|مراسلتي|الإزعاج|إرسال)|
    ممنوع (?:الإعلانات|الإزعاج|السبام))
# Hindi, Thai, Vietnamese
(?:कृपया )?(?:मुझे )?(?:संपर्क|सम्पर्क|ईमेल|मेल|मैसेज) (?:न|ना|नहीं) (?:करें|करे|भेजें)
(?:ไม่รับ(?:สแปม|โฆษณา|อีเมลขาย)|ห้าม(?:ติดต่อ|ส่งอีเมล|สแปม)|กรุณาอย่า(?:ติดต่อ|ส่ง))
(?:(?:vui lòng |xin )?(?:không|đừng) (?:liên hệ|gửi (?:email|thư|tin)|spam|làm phiền|nhắn tin)|
    miễn (?:tuyển dụng|quảng cáo|làm phiền))
# Japanese
(?:営業|勧誘|スカウト|リクルーター|リクルート|ヘッドハン\w*|採用|エージェント|転職|宣伝|広告|セールス|スパム|迷惑|人材紹介)[^。!?、]{0,12}(?:お断り|おことわり|お控え|控えて|ご遠慮|
    遠慮|禁止|不要|いりません|やめて|NG|結構です)
(?:連絡|メール|DM|コンタクト|メッセージ|ご連絡)[をは]?(?:送ら|し|くださら|しないで|なさら)?(?:ないで|お断り|お控え|ご遠慮|不要|禁止)
# Chinese
(?:猎头|獵頭|hr|招聘|中介|广告|廣告|推销|推銷|营销|營銷|骚扰|騷擾|垃圾邮件|销售|業務)[^。!?]{0,8}(?:勿扰|勿擾|勿联|勿聯|勿加|绕道|繞道|走开|滚|免谈|免談|拉黑|请勿|請勿|
    不要)
(?:请勿|請勿|请不要|請不要|谢绝|謝絕|拒绝|拒絕|禁止|拒收|不接受|勿)[^。!?,]{0,6}(?:联系|聯繫|聯絡|联络|打扰|打擾|骚扰|騷擾|推销|推銷|猎头|獵頭|广告|廣告|营销|營銷|发邮件|
    發郵件|邮件|郵件|来信|來信|私信|中介|招聘)
不要(?:给我|給我|向我)?(?:联系|聯繫|聯絡|打扰|打擾|骚扰|騷擾|发邮件|發郵件|发广告|發廣告|发信|發信|推销|推銷)
# Korean
(?:영업|스카우트|스카웃|리크루터|헤드헌터|채용|광고|홍보|스팸|메일|연락)[^.!?]{0,8}(?:
    사절|금지|거절|거부|하지 ?마|보내지 ?마|삼가|받지 않)
"""  # noqa: RUF001 (letters of the languages themselves)
