//! What tools work on.

/// A kind of thing.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Words in the name or the arguments of a tool that say so.
    pub names: &'static [&'static str],
    /// What people call it.
    pub nouns: &'static [&'static str],
}

/// All known kinds.
#[rustfmt::skip] // one word a line would be pages
pub const OBJECTS: &[Object] = &[
    Object {
        names: &[
            "money", "payment", "transaction", "transfer", "pay", "refund", "invoice", "bill", "funds",
            "iban", "payout", "donation", "wire",
        ],
        nouns: &[
            "money", "payment*", "pay*", "bill*", "rent*", "transaction*", "transfer*", "invoice*", "fee*",
            "amount*", "refund*", "debt*", "fund*", "cash", "salary", "tip*", "share", "difference",
            "subscription*", "standing", "order*", "price*", "cost*", "deposit*", "donat*", "reimburs*",
            "wire*", "repay*", "dollar*", "euro*", "eur", "usd", "gbp", "chf", "pound*", "balance", "iban",
            "geld", "zahl*", "rechnung*", "miete", "betrag*", "überweis*", "dauerauftr*", "erstatt*",
            "argent", "paiement*", "facture*", "loyer", "montant*", "virement*", "rembours*", "dinero",
            "pago*", "paga*", "factura*", "alquiler", "importe", "transfer*", "reembols*", "soldi",
            "pagament*", "fattur*", "affitto", "bonific*", "rimbors*", "betaling*", "betaal*", "rekening*",
            "huur", "bedrag*", "dinheiro", "pagamento*", "fatura*", "aluguel", "valor",
        ],
    },
    Object {
        names: &["event", "calendar", "meeting", "appointment", "invite", "schedule", "reminder"],
        nouns: &[
            "event*", "meeting*", "appointment*", "calendar*", "lunch*", "dinner*", "breakfast*", "call*",
            "class*", "session*", "remind*", "invit*", "schedul*", "reschedul*", "party", "trip*", "visit*",
            "check*", "reunion*", "participant*", "attendee*", "conference*", "interview*", "workshop*",
            "date", "slot*", "flight*", "stay*", "booking*", "time*", "termin*", "besprechung*",
            "kalender*", "treffen*", "verabred*", "einlad*", "rendez*", "réunion*", "événement*", "agenda*",
            "déjeuner*", "dîner*", "cita*", "reunión*", "reunion*", "evento*", "calendario*", "almuerzo*",
            "cena*", "riunion*", "appuntament*", "pranz*", "afspra*", "vergader*", "reuni*", "compromisso*",
            "almoço*", "jantar*",
        ],
    },
    Object {
        names: &["email", "mail", "inbox"],
        nouns: &[
            "email*", "mail*", "message*", "inbox", "e", "letter*", "note*", "repl*", "respon*", "invit*",
            "summary", "newsletter*", "attachment*", "forward*", "contact*", "write", "send", "tell",
            "inform", "notif*", "nachricht*", "brief*", "schreib*", "courriel*", "correo*", "mensaje*",
            "messag*", "posta", "lettera", "bericht*", "mensage*",
        ],
    },
    Object {
        names: &["message", "dm", "direct", "chat", "sms", "text", "notification"],
        nouns: &[
            "message*", "dm*", "direct", "text*", "chat*", "sms", "note*", "post*", "repl*", "respon*",
            "send*", "tell*", "say*", "ask*", "inform*", "notif*", "ping*", "link*", "invit*", "channel*",
            "summary", "announce*", "write*", "share*", "slack", "remind*", "thank*", "nachricht*",
            "schreib*", "sag*", "messag*", "dis", "écri*", "mensaje*", "escrib*", "dile", "messagg*",
            "scriv*", "bericht*", "mensage*",
        ],
    },
    Object {
        names: &["channel", "room", "group", "team", "workspace", "slack", "server", "space"],
        nouns: &[
            "channel*", "room*", "group*", "team*", "workspace*", "slack", "server*", "space*", "post*",
            "message*", "kanal*", "kanäl*", "gruppe*", "raum", "räum*", "canal*", "groupe*", "grup*",
            "sala*", "stanz*", "kanaal*", "groep*",
        ],
    },
    Object {
        names: &[
            "file", "document", "drive", "folder", "doc", "sheet", "spreadsheet", "page", "note",
            "attachment", "upload", "wiki",
        ],
        nouns: &[
            "file*", "document*", "doc", "docs", "docx", "drive", "folder*", "sheet*", "spreadsheet*",
            "list*", "note*", "page*", "pdf*", "xlsx", "txt", "attachment*", "report*", "presentation*",
            "text", "wiki*", "recipe*", "paper*", "plan*", "minutes", "datei*", "dokument*", "ordner*",
            "liste*", "notiz*", "blatt", "fichier*", "dossier*", "documento*", "archivo*", "carpeta*",
            "lista*", "nota*", "hoja*", "cartell*", "foglio", "bestand*", "map", "lijst*", "arquivo*",
            "ficheiro*", "pasta*",
        ],
    },
    Object {
        names: &[
            "user", "member", "participant", "participants", "person", "people", "contact", "attendee",
            "collaborator", "guest", "friend", "employee", "customer",
        ],
        nouns: &[
            "user*", "member*", "participant*", "person*", "people", "contact*", "attendee*",
            "collaborator*", "guest*", "friend*", "colleague*", "employee*", "customer*", "team*", "invit*",
            "add*", "him", "her", "them", "everyone", "join*", "slack", "workspace", "nutzer*", "benutzer*",
            "mitglied*", "teilnehm*", "kontakt*", "gast", "gäste", "utilisateur*", "membre*", "invité*",
            "usuario*", "miembro*", "invitad*", "utent*", "membr*", "gebruiker*", "leden", "lid",
            "usuário*",
        ],
    },
    Object {
        names: &["password", "passcode", "pin", "credential", "secret", "token", "key", "mfa"],
        nouns: &[
            "password*", "passcode*", "pin", "credential*", "secret*", "token*", "key*", "login",
            "passwor*", "kennwort*", "zugang*", "passe", "contraseña*", "clave*", "wachtwoord*", "senha*",
            "code*",
        ],
    },
    Object {
        names: &[
            "info", "information", "profile", "account", "address", "settings", "details", "preferences",
            "preference", "name", "config",
        ],
        nouns: &[
            "info*", "profile*", "account*", "address*", "setting*", "detail*", "preference*", "name*",
            "street", "city", "phone*", "data", "moved", "adresse*", "konto*", "kontos", "angaben", "daten",
            "einstellung*", "profil*", "compte*", "coordonné*", "dirección*", "cuenta*", "perfil*", "datos",
            "indirizz*", "profilo", "gegevens", "adres", "endereço*", "conta*", "dados",
        ],
    },
    Object {
        names: &["hotel", "room", "accommodation", "lodging", "apartment", "stay"],
        nouns: &[
            "hotel*", "room*", "accommodation*", "stay*", "lodging*", "night*", "apartment*", "hostel*",
            "zimmer*", "unterkunft*", "chambre*", "hôtel*", "habitación*", "alojamiento*", "camera",
            "albergo", "kamer*", "quarto*",
        ],
    },
    Object {
        names: &["restaurant", "table", "dining"],
        nouns: &[
            "restaurant*", "table*", "dinner*", "lunch*", "breakfast*", "meal*", "eat*", "food", "dining",
            "cuisine", "tisch*", "essen", "mesa*", "ristorant*", "tavolo", "tafel*",
        ],
    },
    Object {
        names: &["car", "rental", "vehicle", "taxi", "ride"],
        nouns: &[
            "car*", "rental*", "rent*", "vehicle*", "taxi*", "cab", "ride*", "drive*", "suv", "auto*",
            "wagen", "voiture*", "coche*", "macchina", "carro*",
        ],
    },
    Object {
        names: &["flight", "ticket", "train", "seat", "trip", "travel"],
        nouns: &[
            "flight*", "fly*", "ticket*", "train*", "seat*", "trip*", "travel*", "flug*", "flüge",
            "fahrkarte*", "zug", "vol", "vols", "billet*", "vuelo*", "boleto*", "billete*", "volo", "voli",
            "bigliett*", "vlucht*", "kaart*", "voo*", "passage*",
        ],
    },
    Object {
        names: &[
            "order", "cart", "item", "product", "basket", "shipment", "delivery", "subscription",
            "purchase",
        ],
        nouns: &[
            "order*", "cart*", "item*", "product*", "basket*", "shipment*", "delivery", "package*",
            "parcel*", "subscription*", "purchase*", "bestell*", "warenkorb", "artikel", "paket*",
            "lieferung", "commande*", "colis", "pedido*", "carrito", "paquete*", "ordin*", "pacco",
            "bestelling*", "pakket*", "it", "them",
        ],
    },
    Object {
        names: &[
            "issue", "ticket", "task", "todo", "card", "bug", "incident", "case", "project", "milestone",
            "sprint",
        ],
        nouns: &[
            "issue*", "ticket*", "task*", "todo*", "card*", "bug*", "incident*", "case*", "project*",
            "milestone*", "aufgabe*", "fehler", "vorgang", "tâche*", "tarea*", "attività", "taak", "taken",
            "tarefa*", "problem*",
        ],
    },
    Object {
        names: &["repo", "repository", "branch", "commit", "pull", "pr", "merge", "code", "release", "gist"],
        nouns: &[
            "repo*", "branch*", "commit*", "pull", "pr", "prs", "merge*", "code*", "release*", "file*",
            "change*", "gist*", "request*",
        ],
    },
    Object {
        names: &["comment", "review", "post", "tweet", "feedback", "rating", "vote", "reaction"],
        nouns: &[
            "comment*", "review*", "post*", "tweet*", "feedback*", "rating*", "rate*", "star*", "vote*",
            "reaction*", "reply", "kommentar*", "bewert*", "beitrag*", "commentaire*", "avis",
            "comentario*", "reseña*", "comment*", "recension*", "opmerking*",
        ],
    },
    Object {
        names: &["webpage", "url", "website", "site", "link", "web", "article", "internet", "http"],
        nouns: &[
            "web*", "url*", "site*", "link*", "page*", "article*", "http*", "www*", "blog*", "internet",
            "online", "website*", "seite*", "lien*", "enlace*", "pagina*", "artikel*",
        ],
    },
    Object {
        names: &["record", "row", "entry", "database", "table", "db", "sql"],
        nouns: &[
            "record*", "row*", "entr*", "database*", "table*", "data", "eintrag*", "einträge", "datenbank*",
            "registro*",
        ],
    },
];
