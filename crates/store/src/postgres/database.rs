//! The server: a few connections to it, and what every statement on them may rely on.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, Postgres as Engine, Transaction};

use super::url::PostgresUrl;

/// Connections of one process; one of them listens for changes.
const CONNECTIONS_MAX: u32 = 8;
/// How long a new connection may take, and a task waits for one.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long a verb may take in all. The server gives up before (see [`SETTINGS`]); this is for one that does not answer any more.
const VERB_WAIT: Duration = Duration::from_secs(15);
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// What holds on every connection, whatever the server, the role or the environment say. `synchronous_commit` is raised to `on` where it is
/// less, and left where it is more (`remote_apply`).
const SETTINGS: &str = "
SET statement_timeout = '10s';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '15s';
SET default_transaction_isolation = 'read committed';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
";

/// Why a PostgreSQL database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// It is not reached, or does not let us in.
    #[error("entering the PostgreSQL database at {server}: {mend}")]
    Enter {
        /// Host, database, user.
        server: String,
        /// What to do.
        mend: &'static str,
        /// What it or the system said.
        source: sqlx::Error,
    },
    /// The schema holds tables of somebody else's.
    #[error("the schema `{schema}` at {server} is not botwarden's; give `[store] url` a database of its own")]
    Foreign {
        /// The schema.
        schema: &'static str,
        /// Host, database, user.
        server: String,
    },
    /// A later version made the tables.
    #[error(
        "the schema `{schema}` at {server} was written by a later version (schema {found}, this one knows up to {known}); upgrade \
         botwarden, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The schema.
        schema: &'static str,
        /// Host, database, user.
        server: String,
        /// Its version.
        found: i64,
        /// The latest version known here.
        known: i64,
    },
    /// The tables could not be made.
    #[error("making the tables of the schema `{schema}` at {server}: {mend}")]
    Tables {
        /// The schema.
        schema: &'static str,
        /// Host, database, user.
        server: String,
        /// What to do.
        mend: &'static str,
        /// What the server said.
        source: sqlx::Error,
    },
}

/// Connections to one database, opened as they are needed. Cheap to clone.
#[derive(Clone)]
pub struct PostgresDatabase {
    pub(crate) pool: PgPool,
    pub(super) server: Arc<str>,
}

impl PostgresDatabase {
    /// Enters the database once, to say what is wrong with it, and makes the pool.
    pub async fn connect(url: &PostgresUrl) -> Result<Self, PostgresError> {
        let server = url.server();
        let options = url.options().disable_statement_logging();
        if let Err(source) = enter(&options).await {
            return Err(PostgresError::Enter { mend: mend(&source), server, source });
        }
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECT_WAIT)
            .idle_timeout(IDLE)
            .max_lifetime(None)
            .after_connect(|connection, _| Box::pin(settle(connection)))
            .connect_lazy_with(options);
        Ok(Self { pool, server: server.into() })
    }

    /// Host, database and user, for messages.
    pub(crate) fn server(&self) -> String {
        self.server.to_string()
    }

    /// What holds for a setting of the server's on our connections.
    pub async fn setting(&self, name: &str) -> Result<String, sqlx::Error> {
        sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(&self.pool).await
    }

    /// Waits for work under way and closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction. Each statement in it sees what was committed before the statement; rows that must not change meanwhile are locked.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Engine>, sqlx::Error> {
        self.pool.begin().await
    }

    /// A transaction whose statements all see one instant.
    pub(crate) async fn begin_snapshot(&self) -> Result<Transaction<'static, Engine>, sqlx::Error> {
        self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await
    }
}

impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresDatabase({})", self.server)
    }
}

/// Does the work, unless the server does not answer in time.
pub(crate) async fn in_time<T, E: From<sqlx::Error>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(VERB_WAIT, work).await {
        Ok(done) => done,
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into()),
    }
}

async fn enter(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let entering = async {
        let mut connection = options.connect().await?;
        settle(&mut connection).await?;
        connection.close().await
    };
    match tokio::time::timeout(CONNECT_WAIT, entering).await {
        Ok(entered) => entered,
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
    }
}

async fn settle(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SETTINGS).execute(connection).await.map(drop)
}

const MEND_CERTIFICATE: &str = "it has to speak TLS; give the authority that signed its certificate by `sslrootcert=FILE`, and the host by the name in the \
                                certificate";

/// What to do about an error. Source of the codes: PostgreSQL, appendix A.
pub(super) fn mend(error: &sqlx::Error) -> &'static str {
    let code = match error {
        sqlx::Error::Database(error) => error.code().unwrap_or_default(),
        // What a certificate that is not accepted comes as.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => return MEND_CERTIFICATE,
        sqlx::Error::Io(_) => return "is it running there, and may this machine reach it?",
        sqlx::Error::Tls(_) => return MEND_CERTIFICATE,
        _ => return "is `[store] url` right?",
    };
    match &*code {
        "28P01" | "28000" => {
            "it refuses the user or the password in `[store] url`, or pg_hba.conf does not let them in"
        }
        "3D000" => "create the database first: `createdb --owner USER DATABASE`",
        "42501" => "let the user make schemas there: `GRANT CREATE ON DATABASE … TO …`",
        "25006" => "this server only reads; name the one that writes",
        "53300" => "it has no connections left: raise its `max_connections`",
        "57P03" => "it is starting up or shutting down; try again",
        "55P03" => "another process is at work on the tables; try again when it is done",
        _ => "see what it says",
    }
}
