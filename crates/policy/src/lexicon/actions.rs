//! What tools do.

use crate::contract::Effect;

/// A kind of action.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Words in the name of a tool that say so.
    pub names: &'static [&'static str],
    /// What such a tool does.
    pub effect: Effect,
    /// What people say who want it.
    pub verbs: &'static [&'static str],
}

/// All known kinds. The first whose name stands in a tool's name counts.
#[rustfmt::skip] // one word a line would be pages
pub const ACTIONS: &[Action] = &[
    Action {
        names: &[
            "get", "list", "search", "find", "read", "fetch", "lookup", "query", "view", "show", "check",
            "count", "describe", "retrieve", "load", "browse", "is", "has", "verify", "calculate",
            "compute", "estimate", "preview", "summarize", "translate", "status", "compare", "recent",
            "who", "what",
        ],
        effect: Effect::Read,
        verbs: &[],
    },
    Action {
        names: &[
            "pay", "transfer", "refund", "reimburse", "wire", "remit", "repay", "donate", "tip", "charge",
            "payout", "withdraw", "deposit", "disburse",
        ],
        effect: Effect::Pay,
        verbs: PAY,
    },
    Action {
        names: &["buy", "purchase", "order", "checkout", "subscribe", "bid", "sell", "trade"],
        effect: Effect::Pay,
        verbs: &[
            "buy*", "purchas*", "order*", "check", "checkout", "subscrib*", "get", "sell*", "trade*",
            "bid*", "kauf*", "bestell*", "abonnier*", "achet*", "command*", "compr*", "pide", "pedir",
            "encarg*", "acquist*", "ordina*", "koop*", "encomend*",
        ],
    },
    Action { names: &["reserve", "book"], effect: Effect::Book, verbs: BOOK },
    Action {
        names: &["reschedule", "postpone", "move"],
        effect: Effect::Write,
        verbs: &[
            "reschedul*", "mov*", "postpon*", "delay*", "shift*", "push*", "chang*", "updat*", "bring",
            "relocat*", "put", "verschieb*", "verleg*", "änder*", "déplac*", "report*", "repouss*",
            "aplaz*", "mueve", "mover", "cambi*", "spost*", "rimand*", "verplaats*", "verzet*", "adia*",
            "remarc*",
        ],
    },
    Action {
        names: &[
            "delete", "remove", "erase", "drop", "trash", "purge", "clear", "destroy", "kick", "revoke",
            "unshare", "uninvite", "leave", "unassign", "unfollow", "disable", "deactivate", "archive",
            "close", "terminate", "ban", "block",
        ],
        effect: Effect::Delete,
        verbs: DELETE,
    },
    Action {
        names: &["cancel"],
        effect: Effect::Delete,
        verbs: &[
            "cancel*", "call", "drop*", "delet*", "remov*", "abort*", "stop*", "scrap*", "storn*", "absag*",
            "sag", "kündig*", "lösch*", "annul*", "supprim*", "elimin*", "disdic*", "disdett*", "afzeg*",
            "annuleer*", "verwijder*",
        ],
    },
    Action {
        names: &["share", "grant", "authorize", "permit", "publish", "expose"],
        effect: Effect::Access,
        verbs: &[
            "shar*", "grant*", "giv*", "allow*", "permit*", "authoriz*", "authoris*", "publish*", "send*",
            "let", "invit*", "teil*", "freigeb*", "gib", "gebe", "erlaub*", "partag*", "donn*", "autoris*",
            "compart*", "autoriz*", "condivid*", "deel*", "geef", "publi*", "veröffentlich*",
        ],
    },
    Action { names: &["invite"], effect: Effect::Access, verbs: INVITE },
    Action { names: &["append", "insert", "attach"], effect: Effect::Write, verbs: ADD },
    Action {
        names: &["add", "join", "assign", "follow", "enroll", "enrol", "include", "register"],
        effect: Effect::Write,
        verbs: INVITE,
    },
    Action {
        names: &[
            "update", "change", "edit", "modify", "set", "rename", "replace", "adjust", "patch", "correct",
            "reset", "configure", "enable", "toggle", "switch", "mark", "label", "tag", "pin", "star",
            "merge", "sync", "apply",
        ],
        effect: Effect::Write,
        verbs: UPDATE,
    },
    Action {
        names: &[
            "send", "reply", "respond", "forward", "notify", "message", "email", "mail", "sms", "text",
            "contact", "ping", "announce", "broadcast", "dm", "call",
        ],
        effect: Effect::Send,
        verbs: SEND,
    },
    Action {
        names: &["post", "comment", "tweet", "submit", "upload", "push", "review", "rate", "vote", "react"],
        effect: Effect::Send,
        verbs: &[
            "post*", "publish*", "comment*", "tweet*", "shar*", "announc*", "submit*", "upload*", "push*",
            "put", "writ*", "send*", "add*", "leav*", "rat*", "review*", "vot*", "repl*", "veröffentlich*",
            "kommentier*", "schreib*", "sende*", "schick*", "poste*", "publi*", "écri*", "envoi*", "envoy*",
            "comenta*", "escrib*", "envía*", "enviar", "pubblic*", "scriv*", "invi*", "plaats*", "schrijf*",
            "escrev*", "envi*", "upload*", "hochlad*", "lad",
        ],
    },
    Action {
        names: &["schedule", "plan"],
        effect: Effect::Write,
        verbs: &[
            "schedul*", "plan*", "set", "creat*", "arrang*", "organi*", "book*", "add*", "mak*", "put",
            "plane", "ansetz*", "anleg*", "richte", "einricht*", "erstell*", "programm*", "planifi*",
            "crée*", "créer", "agenda*", "program*", "crea*", "fissa*", "pianific*", "plan*", "maak",
            "marc*", "pay*", "transfer*", "send*",
        ],
    },
    Action {
        names: &[
            "create", "make", "new", "generate", "open", "start", "build", "write", "save", "store",
            "draft", "copy", "duplicate", "fork", "clone", "install", "deploy", "import", "record", "log",
            "remember", "put", "upsert", "init",
        ],
        effect: Effect::Write,
        verbs: CREATE,
    },
    Action {
        names: &["run", "execute", "exec", "eval", "shell", "invoke", "trigger"],
        effect: Effect::Access,
        verbs: &[
            "run*", "execut*", "invok*", "trigger*", "start*", "perform*", "ausführ*", "führe", "exécut*",
            "ejecut*", "esegu*", "voer", "uitvoer*",
        ],
    },
];

#[rustfmt::skip] // one word a line would be pages
const PAY: &[&str] = &[
    "pay*", "transfer*", "refund*", "reimburs*", "wire*", "send*", "remit*", "repay*", "settl*", "donat*",
    "tip*", "return*", "give", "zahl*", "bezahl*", "überweis*", "erstatt*", "begleich*", "sende*",
    "schick*", "pai*", "payer", "payez", "vire*", "virer", "rembours*", "envoi*", "envoy*", "règle*",
    "paga*", "pague*", "transfier*", "reembols*", "envía*", "enviar", "abona*", "bonific*", "rimbors*",
    "invi*", "trasfer*", "betaal*", "stort*", "overmak*", "terugbetal*", "reembols*", "envi*", "withdraw*",
    "deposit*", "charg*",
];

#[rustfmt::skip] // one word a line would be pages
const BOOK: &[&str] = &[
    "reserv*", "book*", "make", "get", "rent*", "schedul*", "arrang*", "secur*", "plan*", "buch*", "miet*",
    "réserv*", "lou*", "alquil*", "prenot*", "nolegg*", "boek*", "huur*", "alug*",
];

#[rustfmt::skip] // one word a line would be pages
const DELETE: &[&str] = &[
    "delet*", "remov*", "eras*", "trash*", "clear*", "discard*", "drop*", "purg*", "destroy*", "kick*",
    "revok*", "clean*", "empty", "rid", "unshar*", "uninvit*", "leav*", "disabl*", "deactivat*", "archiv*",
    "clos*", "terminat*", "ban*", "block*", "unfollow*", "lösch*", "entfern*", "wirf", "schließ*",
    "supprim*", "efface*", "enlève*", "retire*", "ferme*", "borr*", "elimin*", "quita*", "cierr*",
    "cancell*", "rimuov*", "togli*", "chiud*", "verwijder*", "wis", "sluit*", "apag*", "remov*", "exclu*",
    "fech*",
];

#[rustfmt::skip] // one word a line would be pages
const INVITE: &[&str] = &[
    "invit*", "add*", "includ*", "join*", "assign*", "put", "bring", "register*", "enrol*", "follow*",
    "onboard*", "welcom*", "einlad*", "lad", "lade", "hinzu*", "füge", "nimm", "ajout*", "inclu*", "añad*",
    "agreg*", "aggiung*", "includ*", "uitnodig*", "nodig", "voeg", "toevoeg*", "convid*", "adicion*",
    "convoc*",
];

#[rustfmt::skip] // one word a line would be pages
const ADD: &[&str] = &[
    "append*", "add*", "insert*", "put", "includ*", "attach*", "writ*", "extend*", "updat*", "hinzu*",
    "füge", "ergänz*", "trag*", "schreib*", "ajout*", "insér*", "écri*", "añad*", "agreg*", "escrib*",
    "aggiung*", "inseri*", "scriv*", "voeg", "toevoeg*", "schrijf*", "adicion*", "acrescent*", "escrev*",
];

#[rustfmt::skip] // one word a line would be pages
const UPDATE: &[&str] = &[
    "updat*", "chang*", "modif*", "adjust*", "edit*", "set", "sets", "setting", "correct*", "rename*",
    "replac*", "fix*", "increas*", "decreas*", "rais*", "lower*", "switch*", "mov*", "turn", "mark*",
    "label*", "tag*", "reset*", "enabl*", "amend*", "alter*", "revis*", "merg*", "appl*", "configur*",
    "aktualisier*", "änder*", "ändere", "anpass*", "passe", "setze", "korrigier*", "ersetz*", "erhöh*",
    "senk*", "stell*", "mets", "mettez", "met", "modifi*", "chang*", "corrig*", "remplac*", "actualiz*",
    "cambi*", "modific*", "ajust*", "corrij*", "aggiorn*", "imposta*", "sostitu*", "wijzig*", "verander*",
    "werk", "bijwerk*", "pas", "atualiz*", "mud*", "alter*",
];

#[rustfmt::skip] // one word a line would be pages
const SEND: &[&str] = &[
    "send*", "email*", "mail*", "messag*", "text*", "forward*", "repl*", "respond*", "answer*", "notif*",
    "writ*", "tell*", "inform*", "let", "contact*", "dm", "ping*", "announc*", "invit*", "ask*", "remind*",
    "warn*", "thank*", "post*", "share*", "deliver*", "call*", "sende*", "send*", "schick*", "mail*",
    "schreib*", "antwort*", "benachrichtig*", "informier*", "sag", "frag*", "leite", "weiterleit*",
    "envoi*", "envoy*", "écri*", "répond*", "dis", "dites", "préven*", "informe*", "transf*", "envía*",
    "enviar", "envíe*", "manda*", "escrib*", "respond*", "avis*", "dile", "invi*", "scriv*", "rispond*",
    "avvert*", "inoltr*", "stuur*", "verstuur*", "verzend*", "schrijf*", "antwoord*", "laat", "envi*",
    "escrev*", "diga", "diz",
];

#[rustfmt::skip] // one word a line would be pages
const CREATE: &[&str] = &[
    "creat*", "mak*", "add*", "set", "schedul*", "generat*", "writ*", "draft*", "put", "prepar*", "open*",
    "start*", "build*", "save*", "stor*", "new", "plan*", "organi*", "arrang*", "compos*", "record*",
    "log*", "copy", "duplicat*", "fork*", "remember*", "note", "instal*", "deploy*", "import*", "book*",
    "block*", "upload*", "erstell*", "leg", "lege", "anleg*", "mach*", "schreib*", "trag*", "speicher*",
    "öffne*", "richte", "neu*", "plane", "crée*", "créer", "créez", "fais", "faites", "prépar*", "ajout*",
    "écri*", "enregistr*", "ouvr*", "crea*", "haz", "hacer", "añad*", "prepar*", "escrib*", "guard*",
    "abr*", "fai", "aggiung*", "scriv*", "salva*", "apri", "maak*", "voeg", "schrijf*", "bewaar*", "cria*",
    "faça", "adicion*", "escrev*", "salv*",
];
