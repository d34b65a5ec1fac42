//! What is kept of a person.

use std::path::Path;

use botwarden_crypto::KeyNumber;
use botwarden_identity::StoreError;
use botwarden_types::{BotName, UnixMs, UserName};

use super::quarantines::next_generation;
use super::{Sqlite, database};
use crate::cells::{Fault, failed};

/// What erasing a person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The key that was destroyed; `None` if the person had none.
    pub key: Option<KeyNumber>,
    /// Sessions that were deleted, with their turns.
    pub sessions: u64,
    /// Exchanges that were deleted.
    pub exchanges: u64,
}

impl Sqlite {
    /// Erases a person: destroys the key that everything of theirs is sealed under, so that no copy of it can be read any more, and deletes
    /// the rows. The key goes first: whatever happens then, nothing is readable.
    pub async fn erase_subject(
        &self,
        bot: &BotName,
        user: &UserName,
        now: UnixMs,
    ) -> Result<Erased, StoreError> {
        self.erase(bot, user, now).await.map_err(failed("erasing a person"))
    }

    async fn erase(&self, bot: &BotName, user: &UserName, now: UnixMs) -> Result<Erased, Fault> {
        let subject = self.cells.subject_of(bot, user);
        let keyring = |error| Fault::Keyring(Box::new(error));
        let key = self.cells.keyring().number_of(&subject).await.map_err(keyring)?;
        if let Some(number) = &key {
            self.cells.keyring().destroy(number, now).await.map_err(keyring)?;
        }
        let mut transaction = self.write().await?;
        let mut deleted = [0; 2];
        let statements =
            ["DELETE FROM sessions WHERE subject = ?", "DELETE FROM exchanges WHERE subject = ?"];
        for (count, sql) in deleted.iter_mut().zip(statements) {
            let done =
                sqlx::query(sql).bind(subject.as_bytes().as_slice()).execute(&mut *transaction).await?;
            *count = done.rows_affected();
        }
        for sql in [
            "DELETE FROM approvals WHERE subject = ?",
            "DELETE FROM known_values WHERE subject = ?",
            "DELETE FROM history WHERE subject = ?",
        ] {
            sqlx::query(sql).bind(subject.as_bytes().as_slice()).execute(&mut *transaction).await?;
        }
        // Their name is gone, and with it what it would be recognised by.
        let lifted = sqlx::query("DELETE FROM quarantines WHERE subject = ?")
            .bind(subject.as_bytes().as_slice())
            .execute(&mut *transaction)
            .await?;
        if lifted.rows_affected() > 0 {
            next_generation(&mut transaction).await?;
        }
        transaction.commit().await?;
        self.cut_log().await?;
        let [sessions, exchanges] = deleted;
        Ok(Erased { key, sessions, exchanges })
    }

    /// A consistent copy of the database in a new file, whatever is written meanwhile.
    pub async fn copy_into(&self, path: &Path) -> Result<(), StoreError> {
        let copied =
            sqlx::query("VACUUM INTO ?").bind(path.to_string_lossy().into_owned()).execute(&self.pool);
        copied.await.map(drop).map_err(Fault::from).map_err(failed("copying the database"))
    }

    /// Deletes what belonged to people whose key was destroyed, after a backup from before was put back. How many rows it were.
    pub async fn delete_unreadable(&self) -> Result<u64, StoreError> {
        self.delete_without_key().await.map_err(failed("deleting what was erased"))
    }

    async fn delete_without_key(&self) -> Result<u64, Fault> {
        let mut deleted = 0;
        for (find, delete) in [
            (
                "SELECT DISTINCT substr(sealed, 3, 8) FROM sessions WHERE substr(sealed, 1, 1) = x'02'",
                "DELETE FROM sessions WHERE substr(sealed, 1, 1) = x'02' AND substr(sealed, 3, 8) = ?",
            ),
            (
                "SELECT DISTINCT substr(sealed, 3, 8) FROM exchanges WHERE substr(sealed, 1, 1) = x'02'",
                "DELETE FROM exchanges WHERE substr(sealed, 1, 1) = x'02' AND substr(sealed, 3, 8) = ?",
            ),
            (
                "SELECT DISTINCT substr(sealed, 3, 8) FROM approvals",
                "DELETE FROM approvals WHERE substr(sealed, 3, 8) = ?",
            ),
            (
                "SELECT DISTINCT substr(sealed, 3, 8) FROM known_values",
                "DELETE FROM known_values WHERE substr(sealed, 3, 8) = ?",
            ),
            (
                "SELECT DISTINCT substr(sealed, 3, 8) FROM history",
                "DELETE FROM history WHERE substr(sealed, 3, 8) = ?",
            ),
            (
                "SELECT DISTINCT substr(sealed, 3, 8) FROM quarantines",
                "DELETE FROM quarantines WHERE substr(sealed, 3, 8) = ?",
            ),
        ] {
            let numbers: Vec<Vec<u8>> = sqlx::query_scalar(find).fetch_all(&self.pool).await?;
            for number in numbers {
                let Some(known) = KeyNumber::from_stored(&number) else { continue };
                let keyring = |error| Fault::Keyring(Box::new(error));
                // What merely has no key here is left: another archive of keys may have it.
                if self.cells.keyring().was_destroyed(&known).await.map_err(keyring)? {
                    deleted += sqlx::query(delete).bind(number).execute(&self.pool).await?.rows_affected();
                }
            }
        }
        self.cut_log().await?;
        Ok(deleted)
    }

    /// Sees to it that what was deleted leaves the write-ahead log too.
    async fn cut_log(&self) -> Result<(), Fault> {
        if !database::cut_log(&self.pool).await? {
            tracing::warn!(
                "what is left of deleted rows in the write-ahead log goes when nobody reads it any more"
            );
        }
        Ok(())
    }

    /// Rows whose cells are still of format 1, under a key that the root key was derived from.
    pub async fn rows_of_format_one(&self) -> Result<u64, StoreError> {
        self.count_format_one().await.map_err(failed("counting rows"))
    }

    async fn count_format_one(&self) -> Result<u64, Fault> {
        let count: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM keys WHERE substr(sealed, 1, 1) = x'01')
                  + (SELECT count(*) FROM sessions WHERE substr(sealed, 1, 1) = x'01')
                  + (SELECT count(*) FROM turns WHERE substr(sealed, 1, 1) = x'01')",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
