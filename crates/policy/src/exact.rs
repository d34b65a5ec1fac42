//! One exact call: what a person's consent is bound to.

use std::fmt;

use zeroize::Zeroizing;

use crate::call::Call;
use crate::data::Data;
use crate::port::{Holder, write_text};

/// Bytes of a call's arguments that a person may be asked about. Nobody reads more.
pub const ARGUMENTS_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a server's or a tool's name.
const NAME_BYTES_MAX: usize = 256;

/// Why nobody can be asked about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExactCallError {
    /// Its arguments are more than a person reads.
    #[error("the arguments have more than {ARGUMENTS_BYTES_MAX} bytes")]
    TooLong,
    /// A name that cannot be shown.
    #[error("the tool's name is empty, longer than {NAME_BYTES_MAX} bytes, or holds what does not print")]
    Name,
}

/// A call of a tool by somebody, with exactly these arguments. Its arguments are personal, and `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct ExactCall {
    /// For whom.
    pub holder: Holder,
    /// The server that runs the tool.
    pub server: String,
    /// The tool's own name.
    pub tool: String,
    /// Its arguments in canonical form: JSON, names of maps in order, numbers as they were written.
    pub arguments: Zeroizing<String>,
}

impl ExactCall {
    /// The call of `holder`, in its one form.
    pub fn new(holder: Holder, call: &Call) -> Result<Self, ExactCallError> {
        Self::from_canonical(holder, &call.server, &call.tool, canonical(&call.arguments))
    }

    /// A call whose arguments are in canonical form already, such as one that a store kept.
    pub fn from_canonical(
        holder: Holder,
        server: &str,
        tool: &str,
        arguments: Zeroizing<String>,
    ) -> Result<Self, ExactCallError> {
        if arguments.len() > ARGUMENTS_BYTES_MAX {
            return Err(ExactCallError::TooLong);
        }
        let prints =
            |name: &str| (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
        if !prints(server) || !prints(tool) {
            return Err(ExactCallError::Name);
        }
        Ok(Self { holder, server: server.to_owned(), tool: tool.to_owned(), arguments })
    }

    /// The whole call as one unambiguous text, to be hashed: equal for no other holder, tool or arguments.
    pub fn identity(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(256 + self.arguments.len()));
        self.holder.write(&mut bytes);
        for text in [&self.server, &self.tool, &*self.arguments] {
            write_text(&mut bytes, text);
        }
        bytes
    }
}

impl fmt::Debug for ExactCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExactCall({}__{}, …)", self.server, self.tool)
    }
}

/// Values as JSON text in one form: names of maps in order of their bytes, no white space, numbers as they were written, everything but
/// quotes, backslashes and control characters as it is. Depth is that of the value, which its reader bounds.
pub fn canonical(data: &Data) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    write(data, &mut text);
    text
}

fn write(data: &Data, to: &mut String) {
    match data {
        Data::Null => to.push_str("null"),
        Data::Bool(true) => to.push_str("true"),
        Data::Bool(false) => to.push_str("false"),
        Data::Number(number) => to.push_str(number),
        Data::Text(text) => quote(text, to),
        Data::List(items) => {
            to.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    to.push(',');
                }
                write(item, to);
            }
            to.push(']');
        }
        Data::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
            to.push('{');
            for (at, (name, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    to.push(',');
                }
                quote(name, to);
                to.push(':');
                write(value, to);
            }
            to.push('}');
        }
    }
}

fn quote(text: &str, to: &mut String) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            c if u32::from(c) < 0x20 => to.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => to.push(c),
        }
    }
    to.push('"');
}

#[cfg(test)]
mod tests {
    use botwarden_types::{BotName, KeyId, SessionId, UserName};

    use super::*;
    use crate::call::Place;

    fn text(text: &str) -> Data {
        Data::Text(text.into())
    }

    fn call(arguments: Data) -> Call {
        Call { server: "bank".into(), tool: "pay".into(), arguments, place: Place::Called }
    }

    fn holder(session: Option<&str>, user: Option<&str>) -> Holder {
        Holder {
            bot: BotName::parse("shop").unwrap(),
            key: KeyId::parse("k1").unwrap(),
            session: session.map(|id| SessionId::parse(id).unwrap()),
            user: user.map(|name| UserName::parse(name).unwrap()),
        }
    }

    #[test]
    fn one_form() {
        let map = |entries: &[(&str, Data)]| {
            Data::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
        };
        let number = |text: &str| Data::Number(text.to_owned());
        for (name, data, want) in [
            ("order of names", map(&[("b", number("1")), ("a", Data::Null)]), r#"{"a":null,"b":1}"#),
            ("numbers as written", Data::List(vec![number("1.0"), number("1")]), "[1.0,1]"),
            ("escapes", text("a\"\\\n\u{7f}é"), "\"a\\\"\\\\\\u000a\u{7f}é\""),
            ("nothing", map(&[]), "{}"),
        ] {
            assert_eq!(*canonical(&data), want, "{name}");
        }
    }

    #[test]
    fn another_call_has_another_identity() {
        let all = [
            (holder(Some("s1"), Some("u")), call(text("x"))),
            (holder(Some("s2"), Some("u")), call(text("x"))),
            (holder(None, Some("u")), call(text("x"))),
            (holder(None, None), call(text("x"))),
            (holder(Some("k1"), Some("u")), call(text("x"))),
            (holder(Some("s1"), Some("u")), call(text("y"))),
            (holder(Some("s1"), Some("u")), Call { tool: "payx".into(), ..call(text("x")) }),
            (
                holder(Some("s1"), Some("u")),
                Call { server: "bankp".into(), tool: "ay".into(), ..call(text("x")) },
            ),
        ];
        let identities: std::collections::HashSet<_> = all
            .iter()
            .map(|(holder, call)| ExactCall::new(holder.clone(), call).unwrap().identity().to_vec())
            .collect();
        assert_eq!(identities.len(), all.len());
    }

    #[test]
    fn what_nobody_can_be_asked_about() {
        let long = text(&"x".repeat(ARGUMENTS_BYTES_MAX));
        for (name, call, want) in [
            ("too long", call(long), ExactCallError::TooLong),
            ("no name", Call { tool: String::new(), ..call(Data::Null) }, ExactCallError::Name),
            (
                "a name that does not print",
                Call { tool: "a\0".into(), ..call(Data::Null) },
                ExactCallError::Name,
            ),
        ] {
            assert_eq!(ExactCall::new(holder(None, None), &call), Err(want), "{name}");
        }
    }
}
