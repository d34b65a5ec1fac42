//! What a [`botwarden_policy::quarantine::QuarantineStore`] must do.

use botwarden_policy::quarantine::{Quarantine, Scope, Stop, Stopped, Who};
use botwarden_types::{UnixMs, UserName};

use super::{Backend, LATER, NOW, bot, session_id};

fn alice() -> UserName {
    UserName::parse("alice").unwrap()
}

fn stop(scope: Scope, since: UnixMs) -> Stop {
    Stop { scope, reason: "it mails strangers — é".into(), by: "uid:1000".into(), since }
}

fn all() -> Vec<Scope> {
    let tool = |of: Option<&str>, name: Option<&str>| Scope::Tool {
        bot: of.map(bot),
        server: "bank".into(),
        tool: name.map(Into::into),
    };
    vec![
        Scope::Everything,
        Scope::Bot(bot("shop")),
        Scope::Session(session_id("ses_a")),
        Scope::User(bot("shop"), alice()),
        tool(None, None),
        tool(None, Some("pay")),
        tool(Some("shop"), None),
        tool(Some("shop"), Some("pay")),
    ]
}

pub(crate) async fn stops_come_back_whole_and_in_order(backend: Backend) {
    let quarantine = backend.store.quarantine();
    let mut before = quarantine.stops_generation().await.unwrap();
    let stops: Vec<_> = all().into_iter().map(|scope| stop(scope, NOW)).collect();
    for stop in &stops {
        assert_eq!(quarantine.stop(stop).await.unwrap(), Stopped::Now(0));
        let after = quarantine.stops_generation().await.unwrap();
        assert!(after > before, "{stop:?}");
        before = after;
    }
    let set = backend.another().await.store.quarantine().stops().await.unwrap();
    assert_eq!((set.generation, set.stops), (before, stops));
}

pub(crate) async fn what_is_stopped_is_stopped_once(backend: Backend) {
    let quarantine = backend.store.quarantine();
    for scope in all() {
        quarantine.stop(&stop(scope.clone(), NOW)).await.unwrap();
        let again = Stop { reason: "another".into(), ..stop(scope.clone(), LATER) };
        assert_eq!(quarantine.stop(&again).await.unwrap(), Stopped::Before, "{scope:?}");
        let kept = quarantine.stops().await.unwrap().stops;
        assert_eq!(kept, [stop(scope.clone(), NOW)], "the first reason stays");
        assert!(quarantine.lift(&scope).await.unwrap());
        let generation = quarantine.stops_generation().await.unwrap();
        assert!(!quarantine.lift(&scope).await.unwrap(), "{scope:?}");
        assert_eq!(quarantine.stops_generation().await.unwrap(), generation, "nothing has changed");
        assert_eq!(quarantine.stops().await.unwrap().stops, []);
    }
}

pub(crate) async fn another_process_takes_up_what_is_stopped(backend: Backend) {
    let other = backend.another().await.store.quarantine();
    let (here, of, user) = (Quarantine::default(), bot("shop"), alice());
    here.refresh(&*other).await.unwrap();
    let who = Who { bot: &of, session: None, user: Some(&user) };
    let scope = Scope::User(bot("shop"), alice());
    backend.store.quarantine().stop(&stop(scope.clone(), NOW)).await.unwrap();
    assert_eq!(here.stops(who), None, "nobody looked");
    here.refresh_if_changed(&*other).await.unwrap();
    assert_eq!(here.stops(who), Some("user"));
    backend.store.quarantine().lift(&scope).await.unwrap();
    here.refresh_if_changed(&*other).await.unwrap();
    assert_eq!(here.stops(who), None);
}

/// Their name goes, and with it what they would be recognised by; whoever wants to hold them lifts that first, or does not erase.
pub(crate) async fn a_stopped_person_can_be_erased(backend: Backend) {
    let quarantine = backend.store.quarantine();
    quarantine.stop(&stop(Scope::User(bot("shop"), alice()), NOW)).await.unwrap();
    quarantine.stop(&stop(Scope::User(bot("bank"), alice()), NOW)).await.unwrap();
    let before = quarantine.stops_generation().await.unwrap();
    backend.store.erase_subject(&bot("shop"), &alice(), LATER).await.unwrap();
    let set = quarantine.stops().await.unwrap();
    assert_eq!(set.stops, [stop(Scope::User(bot("bank"), alice()), NOW)]);
    assert!(set.generation > before);
}
