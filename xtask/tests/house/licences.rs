//! Every dependency comes under a licence of the list in `deny.toml`, the same list that cargo-deny reads.

use spdx::{Expression, ParseMode};

/// The licences one may take, and the exceptions: a crate and the licences it may have besides.
struct Allowed {
    licences: Vec<String>,
    exceptions: Vec<(String, Vec<String>)>,
}

impl Allowed {
    /// Reads `[licenses]` of `deny.toml`.
    fn parse(text: &str) -> Self {
        let file: toml::Table = text.parse().expect("deny.toml is TOML");
        let licenses = &file["licenses"];
        let strings = |value: &toml::Value| -> Vec<String> {
            value
                .as_array()
                .expect("a list")
                .iter()
                .map(|it| it.as_str().expect("a string").to_owned())
                .collect()
        };
        let exceptions = licenses.get("exceptions").and_then(toml::Value::as_array).into_iter().flatten();
        Self {
            licences: strings(&licenses["allow"]),
            exceptions: exceptions
                .map(|it| (it["crate"].as_str().expect("a name").to_owned(), strings(&it["allow"])))
                .collect(),
        }
    }

    /// What is wrong with the licence of a crate, if anything.
    fn fault(&self, name: &str, licence: Option<&str>) -> Option<String> {
        let Some(licence) = licence else { return Some(format!("{name} names no licence")) };
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
            return Some(format!("{name}: `{licence}` is no SPDX expression"));
        };
        let besides = self.exceptions.iter().filter(|(it, _)| it == name).flat_map(|(_, licences)| licences);
        let allowed: Vec<&String> = self.licences.iter().chain(besides).collect();
        let fine =
            expression.evaluate(|requirement| allowed.iter().any(|it| **it == requirement.to_string()));
        (!fine).then(|| format!("{name}: `{licence}` is not in the list of deny.toml"))
    }
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let allowed = Allowed::parse(include_str!("../../../deny.toml"));
    let packages = &super::metadata().packages;
    let wrong: Vec<String> =
        packages.iter().filter_map(|it| allowed.fault(&it.name, it.license.as_deref())).collect();
    super::none(&wrong);
}

#[test]
fn licences_outside_the_list_are_found() {
    let allowed = Allowed::parse(
        r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        exceptions = [{ crate = "roots", allow = ["CDLA-Permissive-2.0"] }]
        "#,
    );
    for (name, licence, right) in [
        ("a", Some("MIT"), true),
        ("a", Some("MIT OR GPL-3.0-only"), true),
        ("a", Some("MIT/Apache-2.0"), true),
        ("a", Some("Apache-2.0 WITH LLVM-exception"), true),
        ("roots", Some("CDLA-Permissive-2.0"), true),
        ("a", Some("CDLA-Permissive-2.0"), false),
        ("a", Some("MIT AND GPL-3.0-only"), false),
        ("a", Some("GPL-3.0-only"), false),
        ("a", Some("no such licence"), false),
        ("a", None, false),
    ] {
        let fault = allowed.fault(name, licence);
        assert_eq!(fault.is_none(), right, "{name} {licence:?}: {fault:?}");
    }
}
