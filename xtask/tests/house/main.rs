//! Checks of the repository itself: which crate may know which, licences, and the house's habits.

#[cfg(test)]
mod crates;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod licences;
#[cfg(test)]
mod links;
#[cfg(test)]
mod tree;

/// Cargo's view of the workspace and of everything it depends on, from the lock file.
#[cfg(test)]
fn metadata() -> &'static cargo_metadata::Metadata {
    static METADATA: std::sync::OnceLock<cargo_metadata::Metadata> = std::sync::OnceLock::new();
    METADATA.get_or_init(|| {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        cargo_metadata::MetadataCommand::new().manifest_path(manifest).exec().expect("cargo metadata")
    })
}

/// Fails with everything that is wrong at once.
#[cfg(test)]
#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
