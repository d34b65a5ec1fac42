//! Customers who drop in, slowly, while somebody watches.

use botwarden_types::Delivery;

use super::Stage;
use crate::command::demo::client::Head;
use crate::command::demo::shop::Session;

/// What a passer-by asked and how it went.
pub(in super::super) struct Passed {
    pub(in super::super) who: &'static str,
    pub(in super::super) asks: &'static str,
    pub(in super::super) head: Head,
    pub(in super::super) said: String,
}

/// Asks the next question of a fixed round each time it is called.
#[derive(Default)]
pub(in super::super) struct Passers {
    asked: usize,
}

const QUESTIONS: &[(&str, Delivery)] = &[
    ("Where is my order 1001?", Delivery::Streamed),
    ("What have I ordered?", Delivery::Whole),
    ("Can I return the rug?", Delivery::Whole),
    ("What do reviews say of the lamp?", Delivery::Streamed),
    ("Where is my order 1007?", Delivery::Whole),
];

impl Passers {
    pub(in super::super) async fn next(&mut self, stage: &Stage) -> anyhow::Result<Passed> {
        let sessions = &stage.sessions;
        let customers: [&Session; 4] = [&sessions.alice, &sessions.bob, &sessions.chloe, &sessions.erin];
        let customer = customers.into_iter().cycle().nth(self.asked % 4).unwrap_or(&sessions.alice);
        let question = QUESTIONS.get(self.asked % QUESTIONS.len());
        let (asks, delivery) = question.copied().unwrap_or(("Hello", Delivery::Whole));
        self.asked += 1;
        let talk = stage.talk(customer, asks, delivery).await?;
        Ok(Passed {
            who: customer.customer.name, asks, head: talk.head, said: format!("“{}”", talk.said)
        })
    }
}
