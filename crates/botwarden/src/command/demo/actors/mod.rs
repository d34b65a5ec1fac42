//! Everybody who acts: customers, strangers, a hijacked bot and those whose words it follows, senders of broken requests, floods, and the attacks that
//! still get through.

mod background;
mod customers;
mod floods;
mod hijacked;
mod malformed;
mod open;
mod origins;
mod stage;
mod strangers;

pub(super) use background::Passers;
pub(super) use stage::Stage;

use super::tour::{Act, Seen};

/// Acts one step out and tells what was seen.
pub(super) async fn act(stage: &Stage, act: Act) -> anyhow::Result<Seen> {
    match act {
        Act::OwnOrder => customers::own_order(stage).await,
        Act::OwnOrders => customers::own_orders(stage).await,
        Act::Reviews => customers::reviews(stage).await,
        Act::OwnRefund => customers::own_refund(stage).await,
        Act::WhoAreYou => customers::who_are_you(stage).await,
        Act::NoCredential => strangers::no_credential(stage).await,
        Act::StraightToModel => strangers::straight_to_model(stage).await,
        Act::GuessedKey => strangers::guessed_key(stage).await,
        Act::GuessingOn => strangers::guessing_on(stage).await,
        Act::ExpiredKey => strangers::expired_key(stage).await,
        Act::RevokedKey => strangers::revoked_key(stage).await,
        Act::EndedSession => strangers::ended_session(stage).await,
        Act::OthersSession => hijacked::others_session(stage).await,
        Act::EndOthersSession => hijacked::end_others_session(stage).await,
        Act::OthersTurn => hijacked::others_turn(stage).await,
        Act::UngrantedModel => hijacked::ungranted_model(stage).await,
        Act::DuplicateKeys => malformed::duplicate_keys(stage).await,
        Act::TrailingBytes => malformed::trailing_bytes(stage).await,
        Act::TwoLengths => malformed::two_lengths(stage).await,
        Act::TooDeep => malformed::too_deep(stage).await,
        Act::TooLarge => malformed::too_large(stage).await,
        Act::SlowHead => malformed::slow_head(stage).await,
        Act::SlowBody => malformed::slow_body(stage).await,
        Act::Flood => floods::flood(stage).await,
        Act::FloodOn => floods::flood_on(stage).await,
        Act::DrainBudget => floods::drain_budget(stage).await,
        Act::HoardStreams => floods::hoard_streams(stage).await,
        Act::OthersGoOn => customers::own_order(stage).await,
        Act::OthersOrder => origins::others_order(stage).await,
        Act::InjectedRefund => origins::injected_refund(stage).await,
        Act::OthersRefund => origins::others_refund(stage).await,
        Act::MailOrders => origins::mail_orders(stage).await,
        Act::Enumerate => origins::enumerate(stage).await,
        Act::InjectionText => open::injection_text(stage).await,
        Act::StaffToken => open::staff_token(stage).await,
        Act::FalsePromise => open::false_promise(stage).await,
    }
}
