//! Answers to approvals, their use, and the values they make known.

use botwarden_crypto::CellKey;
use botwarden_policy::ExactCall;
use botwarden_policy::approval::{
    Answer, Answered, Approval, Forget, KNOWN_MAX, Known, Redeemed, State, Step,
};
use botwarden_types::{BotName, UnixMs, UserName};
use sqlx::sqlite::SqliteConnection;

use super::{Sqlite, TRIES};
use crate::cells::row::{count, to_column};
use crate::cells::{
    Fault, IfNone, approval_key, call_hash, if_sound, open_approval, open_known, seal_answers, seal_known,
};

impl Sqlite {
    pub(super) async fn take_answer(&self, answer: &Answer) -> Result<Answered, Fault> {
        for _ in 0..TRIES {
            let generation = self.cells.generation().await?;
            let Some(row) = self.row(&answer.id).await? else { return Ok(Answered::NotFound) };
            let Some(key) = if_sound(approval_key(&self.cells, &row).await)? else {
                return Ok(Answered::NotFound);
            };
            let Some(mut transaction) = self.write_at(generation).await? else { continue };
            let answered = self.answer_under(&mut transaction, &key, answer).await?;
            transaction.commit().await?;
            return Ok(answered);
        }
        Err(Fault::Unsettled)
    }

    async fn answer_under(
        &self,
        connection: &mut SqliteConnection,
        key: &CellKey,
        answer: &Answer,
    ) -> Result<Answered, Fault> {
        let now = answer.given.at;
        let row = sqlx::query("SELECT * FROM approvals WHERE id = ?")
            .bind(answer.id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(Answered::NotFound) };
        let Some(approval) = if_sound(open_approval(&self.cells, key, &row, now))? else {
            return Ok(Answered::NotFound);
        };
        let (state, answers, endorses) = match approval.step(answer) {
            Step::Refuse(answered) => return Ok(answered),
            Step::Take { state, answers, endorses } => (state, answers, endorses),
        };
        if endorses && !self.make_known(connection, key, &approval, now).await? {
            return Ok(Answered::CannotBeKnown);
        }
        let sealed = seal_answers(key, &approval, state, &answers)?;
        sqlx::query("UPDATE approvals SET state = ?, answers = ? WHERE id = ?")
            .bind(state.as_str())
            .bind(sealed)
            .bind(answer.id.as_str())
            .execute(connection)
            .await?;
        Ok(Answered::Taken(state))
    }

    /// Whether there is room for the parties of an approval among what is known.
    async fn make_known(
        &self,
        connection: &mut SqliteConnection,
        key: &CellKey,
        approval: &Approval,
        now: UnixMs,
    ) -> Result<bool, Fault> {
        let holder = &approval.question.call.holder;
        let Some(user) = &holder.user else { return Ok(false) };
        let subject = self.cells.subject_of(&holder.bot, user);
        let subject = subject.as_bytes().as_slice();
        for known in seal_known(key, approval, now)? {
            sqlx::query(
                "INSERT OR IGNORE INTO known_values (id, bot, subject, finder, approval, created, sealed)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&known.id)
            .bind(holder.bot.as_str())
            .bind(subject)
            .bind(known.finder.as_bytes().as_slice())
            .bind(approval.id.as_str())
            .bind(to_column(now))
            .bind(known.cell)
            .execute(&mut *connection)
            .await?;
        }
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM known_values WHERE subject = ?")
            .bind(subject)
            .fetch_one(&mut *connection)
            .await?;
        if kept <= count(KNOWN_MAX) {
            return Ok(true);
        }
        // The answer is refused as a whole; what was there before stays.
        sqlx::query("DELETE FROM known_values WHERE approval = ?")
            .bind(approval.id.as_str())
            .execute(connection)
            .await?;
        Ok(false)
    }

    pub(super) async fn use_up(&self, call: &ExactCall, now: UnixMs) -> Result<Redeemed, Fault> {
        for _ in 0..TRIES {
            let generation = self.cells.generation().await?;
            let Some(owner) = self.owner(&call.holder, IfNone::Leave, now).await? else {
                return Ok(Redeemed::No);
            };
            let Some(mut transaction) = self.write_at(generation).await? else { continue };
            let redeemed = self.use_under(&mut transaction, &owner.key, call, now).await?;
            transaction.commit().await?;
            return Ok(redeemed);
        }
        Err(Fault::Unsettled)
    }

    async fn use_under(
        &self,
        connection: &mut SqliteConnection,
        key: &CellKey,
        call: &ExactCall,
        now: UnixMs,
    ) -> Result<Redeemed, Fault> {
        if self.is_stopped(connection, call).await? {
            return Ok(Redeemed::Stopped);
        }
        let rows = sqlx::query(
            "SELECT * FROM approvals WHERE call = ? AND state = 'approved' AND withdrawn IS NULL AND expires > ? ORDER BY seq",
        )
        .bind(call_hash(key, call).as_bytes().to_vec())
        .bind(to_column(now))
        .fetch_all(&mut *connection)
        .await?;
        for row in &rows {
            // What says that it is approved has to open as that.
            let Some(approval) = if_sound(open_approval(&self.cells, key, row, now))? else { continue };
            if approval.state == State::Approved {
                // What proved that it was approved is written over.
                let used = seal_answers(key, &approval, State::Used, &approval.answers)?;
                sqlx::query("UPDATE approvals SET state = ?, answers = ? WHERE id = ?")
                    .bind(State::Used.as_str())
                    .bind(used)
                    .bind(approval.id.as_str())
                    .execute(connection)
                    .await?;
                return Ok(Redeemed::Yes(approval.id));
            }
        }
        Ok(Redeemed::No)
    }

    pub(super) async fn known(&self, bot: &BotName, user: &UserName) -> Result<Vec<Known>, Fault> {
        let rows = sqlx::query("SELECT * FROM known_values WHERE subject = ? ORDER BY seq")
            .bind(self.cells.subject_of(bot, user).as_bytes().to_vec())
            .fetch_all(&self.pool)
            .await?;
        let mut known = Vec::with_capacity(rows.len());
        for row in &rows {
            known.extend(if_sound(open_known(&self.cells, row).await)?);
        }
        Ok(known)
    }

    pub(super) async fn forget_known(
        &self,
        bot: &BotName,
        user: &UserName,
        which: Forget<'_>,
    ) -> Result<usize, Fault> {
        let id = match which {
            Forget::All => None,
            Forget::One(id) => Some(id),
        };
        let done = sqlx::query("DELETE FROM known_values WHERE subject = ?1 AND (?2 IS NULL OR id = ?2)")
            .bind(self.cells.subject_of(bot, user).as_bytes().to_vec())
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}
