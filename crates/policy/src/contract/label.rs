//! What fields of records mean, by their names.

use std::collections::HashMap;
use std::sync::OnceLock;

/// What a field of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// It tells the record from others: an id.
    Id,
    /// It is what people call the record: a title, a name, a file's name.
    Name,
    /// It is somebody: an address, an account, a person.
    Party,
    /// It is a fact: a number, a date, a state.
    Fact,
    /// It is words that anyone may have written.
    Prose,
}

impl Label {
    /// As written in contracts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Party => "party",
            Self::Fact => "fact",
            Self::Prose => "prose",
        }
    }

    /// Reads what [`Label::as_str`] writes.
    pub(crate) fn read(text: &str) -> Option<Self> {
        [Self::Id, Self::Name, Self::Party, Self::Fact, Self::Prose]
            .into_iter()
            .find(|label| label.as_str() == text)
    }
}

/// What a field is, as its name has it. What no name says is prose: it authorises nothing.
pub fn label_by_name(field: &str) -> Label {
    let lower = field.to_ascii_lowercase();
    let last = lower.trim_matches('_').rsplit(['_', '-', ' ', '.']).next().unwrap_or_default();
    let labels = labels();
    if let Some(label) = labels.get(lower.as_str()).or_else(|| labels.get(last)) {
        return *label;
    }
    Label::Prose
}

/// [`NAMES`] by name; of a name that stands twice, the first counts.
fn labels() -> &'static HashMap<&'static str, Label, ahash::RandomState> {
    static LABELS: OnceLock<HashMap<&'static str, Label, ahash::RandomState>> = OnceLock::new();
    LABELS.get_or_init(|| {
        let mut labels = HashMap::default();
        for (label, names) in NAMES {
            for name in *names {
                labels.entry(*name).or_insert(*label);
            }
        }
        labels
    })
}

const NAMES: &[(Label, &[&str])] = &[
    (
        Label::Id,
        &[
            "id",
            "uuid",
            "guid",
            "uid",
            "ref",
            "reference",
            "sku",
            "isbn",
            "handle",
            "slug",
            "number",
            "no",
            "iid",
            "sha",
            "hash",
        ],
    ),
    (
        Label::Name,
        &[
            "name",
            "title",
            "filename",
            "file",
            "path",
            "label",
            "first_name",
            "last_name",
            "full_name",
            "fullname",
            "username",
            "display_name",
            "channel",
            "project",
            "repo",
            "repository",
            "branch",
            "folder",
            "product",
            "hotel",
            "restaurant",
            "company",
            "city",
            "country",
            "key",
        ],
    ),
    (
        Label::Party,
        &[
            "email",
            "mail",
            "sender",
            "recipient",
            "recipients",
            "from",
            "to",
            "cc",
            "bcc",
            "participants",
            "participant",
            "attendees",
            "attendee",
            "owner",
            "owners",
            "user",
            "users",
            "member",
            "members",
            "author",
            "assignee",
            "assignees",
            "creator",
            "organizer",
            "organiser",
            "customer",
            "contact",
            "contacts",
            "iban",
            "account",
            "payee",
            "payer",
            "beneficiary",
            "phone",
            "telephone",
            "mobile",
            "guest",
            "guests",
            "invitee",
            "invitees",
            "reporter",
            "with",
            "login",
            "seller",
            "buyer",
            "merchant",
            "vendor",
            "supplier",
            "host",
            "emails",
            "people",
            "address_email",
        ],
    ),
    (
        Label::Fact,
        &[
            "amount",
            "price",
            "cost",
            "total",
            "balance",
            "size",
            "count",
            "quantity",
            "qty",
            "rating",
            "score",
            "rate",
            "fee",
            "date",
            "time",
            "timestamp",
            "day",
            "start",
            "end",
            "created",
            "updated",
            "modified",
            "at",
            "status",
            "state",
            "type",
            "kind",
            "priority",
            "permission",
            "permissions",
            "role",
            "currency",
            "recurring",
            "read",
            "due",
            "deadline",
            "duration",
            "year",
            "month",
            "zip",
            "lat",
            "lon",
            "version",
            "percent",
            "percentage",
            "length",
            "capacity",
            "stars",
            "fare",
            "value",
            "unread",
            "enabled",
            "active",
        ],
    ),
    (
        Label::Prose,
        &[
            "body",
            "content",
            "contents",
            "text",
            "description",
            "message",
            "comment",
            "comments",
            "note",
            "notes",
            "subject",
            "summary",
            "review",
            "reviews",
            "snippet",
            "html",
            "details",
            "bio",
            "about",
            "reason",
            "memo",
            "caption",
            "attachments",
            "tags",
            "keywords",
            "address",
            "location",
            "street",
            "url",
            "link",
            "links",
            "website",
            "homepage",
            "topic",
        ],
    ),
];
