//! The root key between processes.

use botwarden_crypto::RootProvider;
use botwarden_store::DataDir;

use crate::child::{Part, Player, say};

/// The part [`Part::OpenRootKey`].
pub(crate) fn open_and_say(data: &DataDir) {
    say(&RootProvider::id(&data.root_key().unwrap()));
}

#[test]
fn processes_that_race_end_with_one_key() {
    for _ in 0..5 {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("data");
        let players: Vec<_> = (0..6).map(|_| Player::start(Part::OpenRootKey, &dir)).collect();
        let keys: Vec<_> = players.into_iter().map(|mut player| player.hear().unwrap()).collect();
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        let left: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["root.key"]);
    }
}
