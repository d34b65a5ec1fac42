//! Approvals.

use botwarden_crypto::Digest;
use botwarden_policy::approval::{
    APPROVAL_KEPT_MS, Answer, Answered, Approval, ApprovalId, ApprovalStore, Asked, Forget, Known, Listing,
    PendingMax, Question, Redeemed,
};
use botwarden_policy::quarantine::Scope;
use botwarden_policy::{BoxFuture, ExactCall, Holder, StoreError};
use botwarden_types::{BotName, SessionId, UnixMs, UserName};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Sqlite, TRIES};
use crate::cells::row::{count, from_column, to_column};
use crate::cells::{
    Fault, IfNone, Matching, Owner, answerers_column, approval_key, call_hash, failed_policy, if_sound,
    marks_of, needed_column, open_approval, seal_approval,
};

impl ApprovalStore for Sqlite {
    fn ask<'a>(
        &'a self,
        id: &'a ApprovalId,
        question: &'a Question,
        max: PendingMax,
    ) -> BoxFuture<'a, Result<Asked, StoreError>> {
        Box::pin(async move {
            self.ask_person(id, question, max).await.map_err(failed_policy("keeping an approval"))
        })
    }

    fn answer<'a>(&'a self, answer: &'a Answer) -> BoxFuture<'a, Result<Answered, StoreError>> {
        Box::pin(async move { self.take_answer(answer).await.map_err(failed_policy("keeping an answer")) })
    }

    fn redeem<'a>(&'a self, call: &'a ExactCall, now: UnixMs) -> BoxFuture<'a, Result<Redeemed, StoreError>> {
        Box::pin(async move { self.use_up(call, now).await.map_err(failed_policy("using an approval")) })
    }

    fn peek<'a>(
        &'a self,
        id: &'a ApprovalId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<Approval>, StoreError>> {
        Box::pin(async move { self.look(id, now).await.map_err(failed_policy("reading an approval")) })
    }

    fn pending<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Vec<Approval>, StoreError>> {
        Box::pin(async move {
            self.that_wait(bot, session, now).await.map_err(failed_policy("reading approvals"))
        })
    }

    fn list<'a>(
        &'a self,
        listing: &'a Listing,
        now: UnixMs,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Approval>, StoreError>> {
        Box::pin(
            async move { self.newest(listing, now, max).await.map_err(failed_policy("reading approvals")) },
        )
    }

    fn withdraw<'a>(&'a self, scope: &'a Scope, now: UnixMs) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            self.take_back_all(scope, now).await.map_err(failed_policy("withdrawing approvals"))
        })
    }

    fn known_for<'a>(
        &'a self,
        bot: &'a BotName,
        user: &'a UserName,
    ) -> BoxFuture<'a, Result<Vec<Known>, StoreError>> {
        Box::pin(async move { self.known(bot, user).await.map_err(failed_policy("reading known values")) })
    }

    fn forget<'a>(
        &'a self,
        bot: &'a BotName,
        user: &'a UserName,
        which: Forget<'a>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            self.forget_known(bot, user, which).await.map_err(failed_policy("forgetting known values"))
        })
    }

    fn purge_approvals(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(
            async move { self.purge_old(now, max).await.map_err(failed_policy("deleting old approvals")) },
        )
    }
}

impl Sqlite {
    /// What seals what belongs to a holder; `None` if the session is not there, or its person was erased.
    pub(super) async fn owner(
        &self,
        holder: &Holder,
        if_none: IfNone,
        now: UnixMs,
    ) -> Result<Option<Owner>, Fault> {
        let user = holder.user.as_ref();
        let Some(session) = &holder.session else {
            return self.cells.owner(&holder.bot, user, if_none, now).await;
        };
        // Under the key of the session: under a new one what was erased would come back.
        let key = self.key_of_session(&holder.bot, session).await?;
        let subject = user.map(|user| self.cells.subject_of(&holder.bot, user));
        Ok(key.map(|key| Owner { key, subject }))
    }

    async fn ask_person(
        &self,
        id: &ApprovalId,
        question: &Question,
        max: PendingMax,
    ) -> Result<Asked, Fault> {
        let holder = &question.call.holder;
        if !question.fits() {
            return Ok(Asked::TooMuch);
        }
        for _ in 0..TRIES {
            let generation = self.cells.generation().await?;
            let Some(owner) = self.owner(holder, IfNone::Make, question.created).await? else {
                return Ok(Asked::NoSession);
            };
            let Some(mut transaction) = self.write_at(generation).await? else { continue };
            let asked = self.ask_under(&mut transaction, &owner, id, question, max).await?;
            transaction.commit().await?;
            return Ok(asked);
        }
        Err(Fault::Unsettled)
    }

    async fn ask_under(
        &self,
        connection: &mut SqliteConnection,
        owner: &Owner,
        id: &ApprovalId,
        question: &Question,
        max: PendingMax,
    ) -> Result<Asked, Fault> {
        let (call, now) = (&question.call, question.created);
        let mut question = Question { expires: question.over(), ..question.clone() };
        if let Some(session) = &call.holder.session {
            let Some(expires) = live_until(connection, &call.holder.bot, session, now).await? else {
                return Ok(Asked::NoSession);
            };
            question.expires = question.expires.min(expires);
        }
        if self.is_stopped(connection, call).await? {
            return Ok(Asked::Stopped);
        }
        let hash = call_hash(&owner.key, call);
        if let Some(earlier) = same_call(connection, &hash, now).await? {
            return Ok(earlier);
        }
        if let Some((of, max)) = crowd(connection, &call.holder, owner.subject.as_ref(), now, max).await? {
            return Ok(Asked::TooMany { of, max });
        }
        let (sealed, answers) = seal_approval(&owner.key, id, &question, &hash)?;
        sqlx::query(
            "INSERT INTO approvals (id, bot, key, session, subject, server, tool, call, answerers, needed, created, expires,
                                    state, sealed, answers)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?)",
        )
        .bind(id.as_str())
        .bind(call.holder.bot.as_str())
        .bind(call.holder.key.as_str())
        .bind(call.holder.session.as_ref().map(SessionId::as_str))
        .bind(owner.subject.as_ref().map(|subject| subject.as_bytes().as_slice()))
        .bind(&call.server)
        .bind(&call.tool)
        .bind(hash.as_bytes().as_slice())
        .bind(answerers_column(question.answerers))
        .bind(needed_column(question.needed))
        .bind(to_column(question.created))
        .bind(to_column(question.expires))
        .bind(sealed)
        .bind(answers)
        .execute(connection)
        .await?;
        Ok(Asked::Pending(id.clone(), question.expires))
    }

    pub(super) async fn row(&self, id: &ApprovalId) -> Result<Option<SqliteRow>, sqlx::Error> {
        sqlx::query("SELECT * FROM approvals WHERE id = ?").bind(id.as_str()).fetch_optional(&self.pool).await
    }

    async fn look(&self, id: &ApprovalId, now: UnixMs) -> Result<Option<Approval>, Fault> {
        let Some(row) = self.row(id).await? else { return Ok(None) };
        Ok(self.opened(&[row], now).await?.pop())
    }

    /// What rows hold; those that cannot be read are left out.
    async fn opened(&self, rows: &[SqliteRow], now: UnixMs) -> Result<Vec<Approval>, Fault> {
        let mut approvals = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(key) = if_sound(approval_key(&self.cells, row).await)? else { continue };
            approvals.extend(if_sound(open_approval(&self.cells, &key, row, now))?);
        }
        Ok(approvals)
    }

    async fn that_wait(
        &self,
        bot: &BotName,
        session: &SessionId,
        now: UnixMs,
    ) -> Result<Vec<Approval>, Fault> {
        let rows = sqlx::query(
            "SELECT * FROM approvals
             WHERE bot = ? AND session = ? AND state = 'pending' AND withdrawn IS NULL AND expires > ? ORDER BY seq",
        )
        .bind(bot.as_str())
        .bind(session.as_str())
        .bind(to_column(now))
        .fetch_all(&self.pool)
        .await?;
        self.opened(&rows, now).await
    }

    async fn newest(&self, listing: &Listing, now: UnixMs, max: usize) -> Result<Vec<Approval>, Fault> {
        let rows = sqlx::query(
            "SELECT * FROM approvals
             WHERE (?1 IS NULL OR bot = ?1)
               AND (NOT ?2 OR (state = 'pending' AND withdrawn IS NULL AND expires > ?3))
             ORDER BY seq DESC LIMIT ?4",
        )
        .bind(listing.bot.as_ref().map(BotName::as_str))
        .bind(listing.pending)
        .bind(to_column(now))
        .bind(count(max))
        .fetch_all(&self.pool)
        .await?;
        self.opened(&rows, now).await
    }

    async fn take_back_all(&self, scope: &Scope, now: UnixMs) -> Result<usize, Fault> {
        let matching = Matching::of(&self.cells, scope);
        let mut transaction = self.write().await?;
        let withdrawn = withdraw(&mut transaction, &matching, now).await?;
        transaction.commit().await?;
        Ok(withdrawn)
    }

    async fn purge_old(&self, now: UnixMs, max: usize) -> Result<usize, Fault> {
        let done = sqlx::query(
            "DELETE FROM approvals WHERE seq IN (SELECT seq FROM approvals WHERE expires <= ? ORDER BY expires LIMIT ?)",
        )
        .bind(to_column(UnixMs(now.0.saturating_sub(APPROVAL_KEPT_MS))))
        .bind(count(max))
        .execute(&self.pool)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }

    /// Whether anything that is stopped keeps a call from going on.
    pub(super) async fn is_stopped(
        &self,
        connection: &mut SqliteConnection,
        call: &ExactCall,
    ) -> Result<bool, sqlx::Error> {
        for mark in marks_of(&self.cells, &call.holder, &call.server, &call.tool) {
            let stopped: bool =
                sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM quarantines WHERE mark = ?)")
                    .bind(mark)
                    .fetch_one(&mut *connection)
                    .await?;
            if stopped {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// When a session expires, if it is live.
async fn live_until(
    connection: &mut SqliteConnection,
    bot: &BotName,
    session: &SessionId,
    now: UnixMs,
) -> Result<Option<UnixMs>, sqlx::Error> {
    let expires: Option<i64> = sqlx::query_scalar(
        "SELECT expires FROM sessions WHERE id = ? AND bot = ? AND ended IS NULL AND expires > ?",
    )
    .bind(session.as_str())
    .bind(bot.as_str())
    .bind(to_column(now))
    .fetch_optional(connection)
    .await?;
    Ok(expires.map(from_column))
}

/// What an earlier question about the same call means for this one.
async fn same_call(
    connection: &mut SqliteConnection,
    call: &Digest,
    now: UnixMs,
) -> Result<Option<Asked>, Fault> {
    let row = sqlx::query(
        "SELECT id, state, expires FROM approvals WHERE call = ? AND withdrawn IS NULL AND state <> 'used' AND expires > ? ORDER BY seq DESC LIMIT 1",
    )
    .bind(call.as_bytes().as_slice())
    .bind(to_column(now))
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (id, state): (String, String) = (row.try_get("id")?, row.try_get("state")?);
    let parsed = ApprovalId::parse(&id).map_err(|_| Fault::Damaged { table: "approvals", id })?;
    Ok(Some(match state.as_str() {
        "approved" => Asked::Approved(parsed),
        "denied" => Asked::Denied(parsed),
        _ => Asked::Pending(parsed, from_column(row.try_get("expires")?)),
    }))
}

/// Of whom as many questions wait as may, if of anybody.
async fn crowd(
    connection: &mut SqliteConnection,
    holder: &Holder,
    subject: Option<&Digest>,
    now: UnixMs,
    max: PendingMax,
) -> Result<Option<(&'static str, usize)>, sqlx::Error> {
    let subject = subject.map(|subject| subject.as_bytes().to_vec());
    let row = sqlx::query(
        "SELECT count(*) AS of_bot,
                count(*) FILTER (WHERE session IS ?2 AND (?2 IS NOT NULL OR key = ?3)) AS of_session,
                count(*) FILTER (WHERE subject = ?4) AS of_user
         FROM approvals WHERE bot = ?1 AND state = 'pending' AND withdrawn IS NULL AND expires > ?5",
    )
    .bind(holder.bot.as_str())
    .bind(holder.session.as_ref().map(SessionId::as_str))
    .bind(holder.key.as_str())
    .bind(subject)
    .bind(to_column(now))
    .fetch_one(connection)
    .await?;
    let full = |column, most| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(column)? >= count(most));
    Ok(if full("of_session", max.session)? {
        Some(("session", max.session))
    } else if full("of_user", max.user)? {
        Some(("user", max.user))
    } else if full("of_bot", max.bot)? {
        Some(("bot", max.bot))
    } else {
        None
    })
}

/// Takes back what waits or was approved but not used. How many it were.
pub(super) async fn withdraw(
    connection: &mut SqliteConnection,
    matching: &Matching,
    now: UnixMs,
) -> Result<usize, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE approvals SET withdrawn = ?1
         WHERE withdrawn IS NULL AND state IN ('pending', 'approved') AND expires > ?1
           AND (?2 IS NULL OR bot = ?2) AND (?3 IS NULL OR session = ?3) AND (?4 IS NULL OR subject = ?4)
           AND (?5 IS NULL OR server = ?5) AND (?6 IS NULL OR tool = ?6)",
    )
    .bind(to_column(now))
    .bind(&matching.bot)
    .bind(&matching.session)
    .bind(&matching.subject)
    .bind(&matching.server)
    .bind(&matching.tool)
    .execute(connection)
    .await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}
