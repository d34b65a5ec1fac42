//! The tables, version by version.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::database::{PostgresDatabase, PostgresError, mend};
use super::{OpenPostgresError, Postgres};
use crate::cells::{KEY_CHECK, KEY_CHECK_TEXT};

/// One of our schemas: its name, and what leads from each version to the next; the first makes the tables. A step that has been released is
/// never edited; the next one is added. `schema_version` in it counts the steps taken.
pub(crate) struct Schema {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [&'static str],
}

/// Credentials, sessions, turns, exchanges.
const DATA: Schema = Schema {
    name: "botwarden",
    steps: &[
        include_str!("schema/data_0001_keys_and_sessions.sql"),
        include_str!("schema/data_0002_exchanges.sql"),
        include_str!("schema/data_0003_turns.sql"),
        include_str!("schema/data_0004_policy.sql"),
    ],
};
/// Wrapped keys: apart, so that a dump of the data does not hold them.
pub(crate) const KEYS: Schema =
    Schema { name: "botwarden_keys", steps: &[include_str!("schema/keys_0001_keys.sql")] };

/// What processes that make or upgrade tables take turns by: "BwDb" in ASCII, and a number.
const TURN: i64 = 0x4277_4462_0000_0001;

impl Schema {
    /// Brings the tables to the latest version, in one transaction. Processes that start at once do it one after the other, and the later
    /// ones find it done.
    pub(crate) async fn upgrade(&self, database: &PostgresDatabase) -> Result<(), PostgresError> {
        let server = || database.server.to_string();
        let schema = self.name;
        let version = match self.migrate(database).await {
            Ok(version) => version,
            Err(source) => {
                return Err(PostgresError::Tables { schema, server: server(), mend: mend(&source), source });
            }
        };
        match version {
            Version::Known => Ok(()),
            Version::Foreign => Err(PostgresError::Foreign { schema, server: server() }),
            Version::Newer(found) => {
                let known = i64::try_from(self.steps.len()).unwrap_or(i64::MAX);
                Err(PostgresError::Newer { schema, server: server(), found, known })
            }
        }
    }

    async fn migrate(&self, database: &PostgresDatabase) -> Result<Version, sqlx::Error> {
        let mut transaction = database.begin().await?;
        // Whoever is before us may have much to do.
        sqlx::raw_sql("SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0")
            .execute(&mut *transaction)
            .await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(TURN).execute(&mut *transaction).await?;
        let found = self.found(&mut transaction).await?;
        let taken = match found {
            Found::Nothing => {
                self.create(&mut transaction).await?;
                0
            }
            Found::Empty => 0,
            Found::Version(version) => match usize::try_from(version) {
                Ok(taken) if (1..=self.steps.len()).contains(&taken) => taken,
                Ok(taken) if taken > self.steps.len() => return Ok(Version::Newer(version)),
                _ => return Ok(Version::Foreign),
            },
            Found::Foreign => return Ok(Version::Foreign),
        };
        for step in self.steps.iter().skip(taken) {
            sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(Version::Known)
    }

    async fn create(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let create = format!("CREATE SCHEMA {}", self.name);
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(connection).await.map(drop)
    }

    async fn found(&self, connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1) AS there,
                    EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                            WHERE nspname = $1) AS used,
                    EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                            WHERE nspname = $1 AND relname = 'schema_version') AS ours",
        )
        .bind(self.name)
        .fetch_one(&mut *connection)
        .await?;
        match (row.try_get("there")?, row.try_get("used")?, row.try_get("ours")?) {
            (false, _, _) => Ok(Found::Nothing),
            (true, false, _) => Ok(Found::Empty),
            (true, true, false) => Ok(Found::Foreign),
            (true, true, true) => {
                let sql = format!("SELECT version FROM {}.schema_version", self.name);
                let version = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await?;
                Ok(Found::Version(version))
            }
        }
    }
}

/// What there is before anything is done.
enum Found {
    /// No such schema.
    Nothing,
    /// A schema that somebody made for us.
    Empty,
    Version(i64),
    Foreign,
}

/// What there is when it is done.
enum Version {
    Known,
    Newer(i64),
    Foreign,
}

/// Brings the data to the latest version, and checks that the keys fit.
pub(super) async fn run(store: &Postgres) -> Result<(), OpenPostgresError> {
    DATA.upgrade(&store.database).await?;
    let sealed = store.cells.system().seal(KEY_CHECK, KEY_CHECK_TEXT)?;
    let server = || store.database.server.to_string();
    let kept = check(&store.database, &sealed).await.map_err(|source| PostgresError::Tables {
        schema: DATA.name,
        server: server(),
        mend: mend(&source),
        source,
    })?;
    let opened = store.cells.keyring().open_cell(KEY_CHECK, &kept).await;
    if opened.is_ok_and(|text| *text == KEY_CHECK_TEXT) {
        Ok(())
    } else {
        Err(OpenPostgresError::WrongKeys { server: server() })
    }
}

/// The cell by which keys that do not belong here are noticed; ours if there is none.
async fn check(database: &PostgresDatabase, sealed: &[u8]) -> Result<Vec<u8>, sqlx::Error> {
    let mut transaction = database.begin().await?;
    sqlx::query(
        "INSERT INTO botwarden.meta (name, value)
         SELECT 'key_check', $1 WHERE NOT EXISTS (SELECT 1 FROM botwarden.keys)
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(sealed)
    .execute(&mut *transaction)
    .await?;
    let kept: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT value FROM botwarden.meta WHERE name = 'key_check'")
            .fetch_optional(&mut *transaction)
            .await?;
    transaction.commit().await?;
    // Without one where there are keys, somebody has taken it away.
    Ok(kept.unwrap_or_default())
}
