//! Which database, and how it is entered.

use std::fmt;
use std::net::IpAddr;

use botwarden_types::Secret;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Parameters that may follow `?`. Others are refused: a driver that does not know one says so in the log, with its value.
const PARAMETERS: [&str; 10] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// The address of a PostgreSQL database, as `[store] url` gives it. It may hold a password: it is never printed, and no message about it
/// holds a part of it other than host, database and user.
#[derive(Clone)]
pub struct PostgresUrl {
    text: Secret,
    options: Box<PgConnectOptions>,
}

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlError {
    /// It is something else.
    #[error("an address such as `postgres://user@host/database`")]
    Shape,
    /// It holds characters that have to be escaped, or a port that is none.
    #[error(
        "an address such as `postgres://user:password@host:5432/database`, where `:`, `/`, `?`, `#`, `@` and `%` of a password are \
         written as `%3A`, `%2F`, `%3F`, `%23`, `%40` and `%25`"
    )]
    Syntax,
    /// A parameter nobody knows.
    #[error("no parameters after `?` but {}", PARAMETERS.join(", "))]
    Parameter,
    /// A value of a parameter that does not fit.
    #[error(
        "values that fit its parameters; `sslmode` is `disable`, `prefer`, `require`, `verify-ca` or `verify-full`"
    )]
    Value,
    /// It does not say where.
    #[error("an address that names the host: `postgres://user@host/database`")]
    Host,
    /// It does not say which.
    #[error("an address that names the database: `postgres://user@host/database`")]
    Database,
    /// Everything, the password too, could pass in the clear.
    #[error(
        "`sslmode=verify-full`, which is the default for other machines; with `prefer` everything might pass in the clear. \
         `sslmode=disable` says in so many words that it may"
    )]
    Plaintext,
}

impl PostgresUrl {
    /// Takes an address. To another machine it speaks TLS and checks whom it speaks to, unless the address says otherwise by `sslmode`;
    /// what could fall back to plain text has to be said outright (`disable`). Variables such as `PGSSLMODE` do not loosen this.
    pub fn parse(text: &str) -> Result<Self, PostgresUrlError> {
        let written = Written::read(text)?;
        let options = text.parse::<PgConnectOptions>().map_err(|_| match written.parameters.is_empty() {
            true => PostgresUrlError::Syntax,
            false => PostgresUrlError::Value,
        })?;
        let nearby = is_nearby(&options);
        let mode = match written.has("sslmode") {
            false if nearby => PgSslMode::Prefer,
            false => PgSslMode::VerifyFull,
            true => options.get_ssl_mode(),
        };
        if !nearby && matches!(mode, PgSslMode::Prefer | PgSslMode::Allow) {
            return Err(PostgresUrlError::Plaintext);
        }
        let options = options.ssl_mode(mode);
        let options =
            if written.has("application_name") { options } else { options.application_name("botwarden") };
        Ok(Self { text: Secret::new(text.to_owned()), options: Box::new(options) })
    }

    /// Where it leads, for messages: `host:port, database, user`, without the password.
    pub fn server(&self) -> String {
        let options = &self.options;
        let host = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let database = options.get_database().unwrap_or_default();
        format!("`{host}`, database `{database}`, user `{}`", options.get_username())
    }

    /// How the connection is protected: the value of `sslmode`.
    pub fn protection(&self) -> &'static str {
        match self.options.get_ssl_mode() {
            PgSslMode::Disable => "disable",
            PgSslMode::Allow => "allow",
            PgSslMode::Prefer => "prefer",
            PgSslMode::Require => "require",
            PgSslMode::VerifyCa => "verify-ca",
            PgSslMode::VerifyFull => "verify-full",
        }
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&self.options)
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text.expose() == other.text.expose()
    }
}

impl Eq for PostgresUrl {}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.server())
    }
}

/// What the text itself says, apart from what the environment adds.
struct Written<'t> {
    parameters: Vec<&'t str>,
}

impl<'t> Written<'t> {
    fn read(text: &'t str) -> Result<Self, PostgresUrlError> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or(PostgresUrlError::Shape)?;
        // What follows would be dropped in silence: half of a password, and the host.
        if rest.contains('#') {
            return Err(PostgresUrlError::Syntax);
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let parameters: Vec<&str> =
            pairs.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name)).collect();
        if !parameters.iter().all(|name| PARAMETERS.contains(name)) {
            return Err(PostgresUrlError::Parameter);
        }
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let this = Self { parameters };
        if (host.is_empty() || host.starts_with(':')) && !this.has("host") {
            return Err(PostgresUrlError::Host);
        }
        if database.is_empty() && !this.has("dbname") {
            return Err(PostgresUrlError::Database);
        }
        Ok(this)
    }

    fn has(&self, name: &str) -> bool {
        self.parameters.contains(&name)
    }
}

/// Whether what is sent stays on this machine: a socket, or an address that leads back here.
fn is_nearby(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_matches(['[', ']']);
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    options.get_socket().is_some() || host == "localhost" || is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_how_their_connections_are_protected() {
        use PostgresUrlError::{Database, Host, Parameter, Plaintext, Shape, Syntax, Value};
        for (text, want) in [
            ("postgres://bw:pw@db.example.com/bw", Ok("verify-full")),
            ("postgresql://bw@db.example.com:5433/bw", Ok("verify-full")),
            ("postgres://bw@10.0.0.7/bw", Ok("verify-full")),
            ("postgres://bw@db.example.com/bw?sslmode=verify-ca&sslrootcert=/etc/ca.pem", Ok("verify-ca")),
            ("postgres://bw@db.example.com/bw?sslmode=require", Ok("require")),
            ("postgres://bw@db.example.com/bw?sslmode=disable", Ok("disable")),
            ("postgres://bw@db.example.com/bw?sslmode=prefer", Err(Plaintext)),
            ("postgres://bw@db.example.com/bw?sslmode=allow", Err(Plaintext)),
            ("postgres://bw@127.0.0.1/bw", Ok("prefer")),
            ("postgres://bw@127.9.9.9/bw", Ok("prefer")),
            ("postgres://bw@[::1]:5433/bw", Ok("prefer")),
            ("postgres://bw@localhost/bw?sslmode=prefer", Ok("prefer")),
            ("postgres://bw@localhost.example.com/bw", Ok("verify-full")),
            ("postgres://bw@localhost/bw?host=/run/postgresql", Ok("prefer")),
            ("postgres://bw@localhost/bw?host=db.example.com", Ok("verify-full")),
            ("postgres://bw@%2Frun%2Fpostgresql/bw", Ok("prefer")),
            ("postgres://bw@127.0.0.1.example.com/bw", Ok("verify-full")),
            ("mysql://bw@host/bw", Err(Shape)),
            ("host=localhost dbname=bw", Err(Shape)),
            ("", Err(Shape)),
            ("postgres://bw:pa/ss@host/bw", Err(Syntax)),
            ("postgres://bw@host:port/bw", Err(Syntax)),
            ("postgres://bw:12#34@host/bw", Err(Syntax)),
            ("postgres://bw@host/bw?pasword=hunter2", Err(Parameter)),
            ("postgres://bw@host/bw?options=-csynchronous_commit=off", Err(Parameter)),
            ("postgres://bw@host/bw?sslmode=sometimes", Err(Value)),
            ("postgres:///bw", Err(Host)),
            ("postgres://:5432/bw", Err(Host)),
            ("postgres://host", Err(Database)),
            ("postgres://bw@host/", Err(Database)),
        ] {
            assert_eq!(PostgresUrl::parse(text).map(|url| url.protection()), want, "{text}");
        }
    }

    #[test]
    fn passwords_are_not_printed() {
        let url = PostgresUrl::parse("postgres://bw:hunter2@db.example.com/orders").unwrap();
        assert_eq!(url.server(), "`db.example.com:5432`, database `orders`, user `bw`");
        assert_eq!(format!("{url:?}"), "PostgresUrl(`db.example.com:5432`, database `orders`, user `bw`)");
    }
}
