//! The habits, one file each.

mod bench;
mod check;
mod doc;
mod fuzz;
mod picture;
mod prove;
pub(crate) mod test;

use crate::workspace::Workspace;

/// What can be asked for.
#[derive(clap::Subcommand)]
pub(crate) enum Habit {
    Check(check::Check),
    Test(test::Test),
    Prove(prove::Prove),
    Bench(bench::Bench),
    Fuzz(fuzz::Fuzz),
    Doc(doc::Doc),
    Picture(picture::Picture),
}

impl Habit {
    /// Runs the habit in the workspace this program was built from.
    pub(crate) fn follow(self) -> anyhow::Result<()> {
        let workspace = Workspace::find()?;
        match self {
            Self::Check(check) => check.follow(&workspace),
            Self::Test(test) => test.follow(&workspace),
            Self::Prove(prove) => prove.follow(&workspace),
            Self::Bench(bench) => bench.follow(&workspace),
            Self::Fuzz(fuzz) => fuzz.follow(&workspace),
            Self::Doc(doc) => doc.follow(&workspace),
            Self::Picture(picture) => picture.follow(&workspace),
        }
    }
}
