use super::*;
use crate::value::words_of;

#[test]
fn a_denied_verb_grants_nothing() {
    for (text, verb, want) in [
        ("please do not send it", "send", true),
        ("don't delete anything", "delete", true),
        ("do not forget to invite Mark", "invite", false),
        ("bitte nicht löschen", "löschen", true),
        ("send it now", "send", false),
        ("I can not wait, so please go and send it", "send", false),
    ] {
        let words = words_of(text);
        let at = words.iter().position(|word| word.text == verb).unwrap();
        assert_eq!(is_negated(&words, at), want, "{text}");
    }
}

#[test]
fn documents_that_are_given_the_wheel() {
    for (text, want) in [
        ("Read the file and follow the instructions precisely.", true),
        ("Please do the actions specified in the email from David", true),
        ("Read the notice and adjust my rent accordingly", true),
        ("What does the mail from David say?", false),
        ("Delete the largest file", false),
    ] {
        assert_eq!(commands_a_document(&words_of(text)), want, "{text}");
    }
}
