//! The rule by which answers are taken.

use super::{Answer, Answered, Answerers, Approval, Decision, Endorse, Given, People, Person, State};

/// What an answer does to an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Refuse(Answered),
    /// It is kept, and the approval stands as said.
    Take {
        /// Pending, approved or denied.
        state: State,
        /// All answers, the new one last.
        answers: Vec<Given>,
        /// Whether the parties are known from now on.
        endorses: bool,
    },
}

impl Approval {
    /// What `answer` would do: the rule that every store applies.
    pub fn step(&self, answer: &Answer) -> Step {
        let Given { by, decision, endorse, .. } = &answer.given;
        if let Some((bot, session)) = &answer.session {
            let holder = &self.question.call.holder;
            if holder.bot != *bot || holder.session.as_ref() != Some(session) {
                return Step::Refuse(Answered::NotFound);
            }
        }
        let may = match (by, self.question.answerers) {
            (Person::User, Answerers::User | Answerers::Both) => answer.session.is_some(),
            (Person::Operator(_), Answerers::Operator | Answerers::Both) => answer.session.is_none(),
            (Person::User, Answerers::Operator) | (Person::Operator(_), Answerers::User) => false,
        };
        // Whoever may not allow a call may still stop it.
        if !may && *decision == Decision::Approve {
            return Step::Refuse(Answered::NotTheirs);
        }
        let earlier = self.answers.iter().find(|given| given.by == *by);
        if self.state != State::Pending {
            // The same answer once more, because the first was lost on its way.
            let repeats =
                earlier.is_some_and(|given| given.decision == *decision && given.endorse == *endorse);
            return match self.state {
                State::Approved | State::Denied if repeats => Step::Refuse(Answered::Taken(self.state)),
                State::Approved if *decision == Decision::Deny => self.take(answer, State::Denied),
                state => Step::Refuse(Answered::Over(state)),
            };
        }
        let nobodys = self.question.parties.is_empty() || self.question.call.holder.user.is_none();
        match decision {
            Decision::Deny => self.take(answer, State::Denied),
            Decision::Approve if *endorse == Endorse::Known && nobodys => {
                Step::Refuse(Answered::CannotBeKnown)
            }
            Decision::Approve if earlier.is_some() => Step::Refuse(Answered::SamePerson),
            Decision::Approve if self.question.needed == People::Two && self.answers.is_empty() => {
                self.take(answer, State::Pending)
            }
            Decision::Approve => self.take(answer, State::Approved),
        }
    }

    fn take(&self, answer: &Answer, state: State) -> Step {
        let mut answers = self.answers.clone();
        answers.push(answer.given.clone());
        // Nobody's yes goes further than they said.
        let endorses =
            state == State::Approved && answers.iter().all(|given| given.endorse == Endorse::Known);
        Step::Take { state, answers, endorses }
    }
}

#[cfg(test)]
mod tests {
    use botwarden_types::{BotName, KeyId, SessionId, UnixMs, UserName};

    use super::*;
    use crate::approval::{ApprovalId, Party, Question};
    use crate::exact::ExactCall;
    use crate::port::Holder;

    const USER: Person = Person::User;

    fn operator(name: &str) -> Person {
        Person::Operator(name.into())
    }

    fn given(by: Person, decision: Decision, endorse: Endorse) -> Given {
        Given { by, at: UnixMs(1), decision, endorse }
    }

    fn approval(answerers: Answerers, needed: People, state: State, answers: Vec<Given>) -> Approval {
        let holder = Holder {
            bot: BotName::parse("shop").unwrap(),
            key: KeyId::parse("k").unwrap(),
            session: Some(SessionId::parse("s").unwrap()),
            user: Some(UserName::parse("alice").unwrap()),
        };
        let question = Question {
            call: ExactCall::from_canonical(holder, "bank", "pay", "{}".to_owned().into()).unwrap(),
            text: "?".into(),
            findings: vec![],
            parties: vec![Party { argument: "to".into(), value: "DE1".into() }],
            answerers,
            needed,
            created: UnixMs(0),
            expires: UnixMs(9),
        };
        Approval { id: ApprovalId::random().unwrap(), question, state, answers }
    }

    /// What the answer does, in a word.
    fn word(approval: &Approval, given: Given) -> String {
        let session =
            (given.by == USER).then(|| (BotName::parse("shop").unwrap(), SessionId::parse("s").unwrap()));
        match approval.step(&Answer { id: approval.id.clone(), session, given }) {
            Step::Refuse(why) => format!("{why:?}"),
            Step::Take { state, endorses, .. } => {
                format!("{}{}", state.as_str(), if endorses { ", known" } else { "" })
            }
        }
    }

    #[test]
    fn answers() {
        use Answerers::{Both, Operator, User};
        use Decision::{Approve, Deny};
        use Endorse::{Known, Once};
        use People::{One, Two};
        use State::{Approved, Denied, Expired, Pending, Used, Withdrawn};
        let yes = |by, endorse| given(by, Approve, endorse);
        let no = |by| given(by, Deny, Once);
        for (name, answerers, needed, state, before, answer, want) in [
            ("the person says yes", User, One, Pending, vec![], yes(USER, Once), "approved"),
            ("for good", User, One, Pending, vec![], yes(USER, Known), "approved, known"),
            ("the person says no", User, One, Pending, vec![], no(USER), "denied"),
            ("an operator for the person", User, One, Pending, vec![], yes(operator("a"), Once), "NotTheirs"),
            ("an operator may always stop it", User, One, Pending, vec![], no(operator("a")), "denied"),
            ("the person for an operator", Operator, One, Pending, vec![], yes(USER, Once), "NotTheirs"),
            ("either", Both, One, Pending, vec![], yes(operator("a"), Once), "approved"),
            ("the first of two", Both, Two, Pending, vec![], yes(USER, Once), "pending"),
            ("the same again", Both, Two, Pending, vec![yes(USER, Once)], yes(USER, Once), "SamePerson"),
            ("the second", Both, Two, Pending, vec![yes(USER, Once)], yes(operator("a"), Once), "approved"),
            (
                "one says known, one once",
                Both,
                Two,
                Pending,
                vec![yes(USER, Known)],
                yes(operator("a"), Once),
                "approved",
            ),
            (
                "both say known",
                Operator,
                Two,
                Pending,
                vec![yes(operator("a"), Known)],
                yes(operator("b"), Known),
                "approved, known",
            ),
            ("the second says no", Both, Two, Pending, vec![yes(USER, Once)], no(operator("a")), "denied"),
            ("repeated", User, One, Approved, vec![yes(USER, Once)], yes(USER, Once), "Taken(Approved)"),
            (
                "repeated with more",
                User,
                One,
                Approved,
                vec![yes(USER, Once)],
                yes(USER, Known),
                "Over(Approved)",
            ),
            ("taken back in time", User, One, Approved, vec![yes(USER, Once)], no(USER), "denied"),
            ("too late", User, One, Used, vec![yes(USER, Once)], no(USER), "Over(Used)"),
            ("no stays no", User, One, Denied, vec![no(USER)], yes(USER, Once), "Over(Denied)"),
            ("expired", User, One, Expired, vec![], yes(USER, Once), "Over(Expired)"),
            ("withdrawn", User, One, Withdrawn, vec![], yes(USER, Once), "Over(Withdrawn)"),
        ] {
            assert_eq!(word(&approval(answerers, needed, state, before), answer), want, "{name}");
        }
    }

    #[test]
    fn another_session_finds_nothing() {
        let approval = approval(Answerers::User, People::One, State::Pending, vec![]);
        for (bot, session) in [("shop", "other"), ("bank", "s")] {
            let of = (BotName::parse(bot).unwrap(), SessionId::parse(session).unwrap());
            let given = given(USER, Decision::Deny, Endorse::Once);
            let answer = Answer { id: approval.id.clone(), session: Some(of), given };
            assert_eq!(approval.step(&answer), Step::Refuse(Answered::NotFound), "{bot} {session}");
        }
    }

    #[test]
    fn nobodys_values_are_not_known() {
        let mut approval = approval(Answerers::Operator, People::One, State::Pending, vec![]);
        approval.question.call.holder.user = None;
        let yes = given(operator("a"), Decision::Approve, Endorse::Known);
        assert_eq!(word(&approval, yes), "CannotBeKnown");
    }
}
