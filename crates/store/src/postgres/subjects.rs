//! What is kept of a person.

use botwarden_identity::StoreError;
use botwarden_types::{BotName, UnixMs, UserName};

use super::Postgres;
use super::changes::Change;
use super::database::in_time;
use super::quarantines::next_generation;
use crate::Erased;
use crate::cells::{Fault, failed};

impl Postgres {
    /// Erases a person: destroys the key that everything of theirs is sealed under, so that no copy of it can be read any more, and deletes
    /// the rows. The key goes first: whatever happens then, nothing is readable.
    pub async fn erase_subject(
        &self,
        bot: &BotName,
        user: &UserName,
        now: UnixMs,
    ) -> Result<Erased, StoreError> {
        in_time(self.erase(bot, user, now)).await.map_err(failed("erasing a person"))
    }

    async fn erase(&self, bot: &BotName, user: &UserName, now: UnixMs) -> Result<Erased, Fault> {
        let subject = self.cells.subject_of(bot, user);
        let keyring = |error| Fault::Keyring(Box::new(error));
        let key = self.cells.keyring().number_of(&subject).await.map_err(keyring)?;
        if let Some(number) = &key {
            // Waits for whoever is writing under it. What they write is deleted below.
            self.cells.keyring().destroy(number, now).await.map_err(keyring)?;
        }
        let mut transaction = self.database.begin().await?;
        let mut deleted = [0; 2];
        let statements = [
            "DELETE FROM botwarden.sessions WHERE seq = ANY (ARRAY(
                 SELECT seq FROM botwarden.sessions WHERE subject = $1 ORDER BY seq FOR UPDATE
             ))",
            "DELETE FROM botwarden.exchanges WHERE subject = $1",
        ];
        for (count, sql) in deleted.iter_mut().zip(statements) {
            let done =
                sqlx::query(sql).bind(subject.as_bytes().as_slice()).execute(&mut *transaction).await?;
            *count = done.rows_affected();
        }
        for sql in [
            "DELETE FROM botwarden.approvals WHERE seq = ANY (ARRAY(
                 SELECT seq FROM botwarden.approvals WHERE subject = $1 ORDER BY seq FOR UPDATE
             ))",
            "DELETE FROM botwarden.known_values WHERE subject = $1",
            "DELETE FROM botwarden.history WHERE subject = $1",
        ] {
            sqlx::query(sql).bind(subject.as_bytes().as_slice()).execute(&mut *transaction).await?;
        }
        // Their name is gone, and with it what it would be recognised by.
        let lifted = sqlx::query("DELETE FROM botwarden.quarantines WHERE subject = $1")
            .bind(subject.as_bytes().as_slice())
            .execute(&mut *transaction)
            .await?;
        if lifted.rows_affected() > 0 {
            next_generation(&mut transaction).await?;
        }
        // With the rows: nodes that are told then find none of them.
        self.teller.tell(&mut transaction, &Change::Anything).await?;
        transaction.commit().await?;
        let [sessions, exchanges] = deleted;
        Ok(Erased { key, sessions, exchanges })
    }
}
