//! What transactions wait for each other by, where no row stands for it. Whoever takes several takes them in the order of this page, after the
//! rows of keys; rows of sessions come between [`stops_shared`] and [`asks_of`], rows of approvals last.

use botwarden_crypto::CellKey;
use sqlx::postgres::PgConnection;

/// "BwDb" in ASCII, and a number.
const STOPS: i64 = 0x4277_4462_0000_0003;
/// "BwD" in ASCII, and a number: PostgreSQL keeps the two forms of its locks apart.
const ASKS: i32 = 0x4277_4404;
const PERSON: i32 = 0x4277_4405;

/// Nothing is stopped while this transaction looks at what is.
pub(super) async fn stops_shared(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "SELECT pg_advisory_xact_lock_shared($1)";
    sqlx::query(sql).bind(STOPS).execute(connection).await.map(drop)
}

/// Nobody asks or uses anything while this transaction stops something.
pub(super) async fn stops_alone(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(STOPS).execute(connection).await.map(drop)
}

/// One after the other asks for a bot, so that bounds are met exactly.
pub(super) async fn asks_of(connection: &mut PgConnection, bot: &str) -> Result<(), sqlx::Error> {
    let sql = "SELECT pg_advisory_xact_lock($1, hashtext($2))";
    sqlx::query(sql).bind(ASKS).bind(bot).execute(connection).await.map(drop)
}

/// One after the other counts what belongs to the owner of a key.
pub(super) async fn counts_of(connection: &mut PgConnection, key: &CellKey) -> Result<(), sqlx::Error> {
    let [a, b, c, d, ..] = *key.number().as_bytes();
    let sql = "SELECT pg_advisory_xact_lock($1, $2)";
    let person = i32::from_be_bytes([a, b, c, d]);
    sqlx::query(sql).bind(PERSON).bind(person).execute(connection).await.map(drop)
}
