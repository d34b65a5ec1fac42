//! One command at a time changes keys, on whichever node.

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::database::{PostgresDatabase, in_time};

/// What commands that rotate, move or destroy keys take turns by: "BwDb" in ASCII, and a number.
const TURN: i64 = 0x4277_4462_0000_0002;

/// The lock is held by the connection alone. It must not be ended because nothing is said on it for long; but where the other end is gone
/// without a word (its machine lost power), the server has to notice within a minute, not within hours.
const SETTINGS: &str = "
SET lock_timeout = '2s';
SELECT set_config('idle_session_timeout', '0', false) FROM pg_settings WHERE name = 'idle_session_timeout';
SET tcp_keepalives_idle = 30;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 3;
";

/// The right to change keys, until it is dropped or the process ends.
pub(crate) struct KeysTurn {
    _connection: PgConnection,
}

impl PostgresDatabase {
    /// Takes the right to change keys; `None` while somebody else has it.
    pub(crate) async fn keys_turn(&self) -> Result<Option<KeysTurn>, sqlx::Error> {
        let mut connection = in_time(self.pool.acquire()).await?.detach();
        in_time(sqlx::raw_sql(SETTINGS).execute(&mut connection)).await?;
        // Not tried but waited for: the server may need a moment to notice that a process is gone.
        let locking = sqlx::query("SELECT pg_advisory_lock($1)").bind(TURN).execute(&mut connection);
        match in_time(locking).await {
            Ok(_) => Ok(Some(KeysTurn { _connection: connection })),
            Err(error) if is_taken(&error) => {
                let _ = connection.close().await;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// `lock_not_available`. Source: PostgreSQL, appendix A.
fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).as_deref() == Some("55P03")
}
