//! Who we are to AWS.

use std::fmt;

use botwarden_types::Secret;

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// A part of them is not there.
    #[error("{place} has no `{name}`")]
    Missing {
        /// Where it was looked for.
        place: String,
        /// What was looked for.
        name: &'static str,
    },
}

/// Credentials of AWS. The two secret parts never print.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret_key: Secret,
    pub(crate) session_token: Option<Secret>,
}

/// Their names in the environment.
const VARIABLES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
/// Their names in the file.
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

impl Credentials {
    /// From `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; `env` reads a variable of the environment.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, CredentialsError> {
        Self::from_parts("the environment", VARIABLES, |name| env(name).filter(|value| !value.is_empty()))
    }

    /// From the text of a file such as `~/.aws/credentials`, out of the part `[profile]`.
    pub fn from_file(text: &str, profile: &str) -> Result<Self, CredentialsError> {
        let heading = format!("[{profile}]");
        let lines = text.lines().map(str::trim).skip_while(|line| *line != heading).skip(1);
        let lines: Vec<&str> = lines.take_while(|line| !line.starts_with('[')).collect();
        let find = |name: &str| {
            lines.iter().find_map(|line| {
                let (key, value) = line.split_once('=')?;
                (key.trim() == name).then(|| value.trim().to_owned()).filter(|value| !value.is_empty())
            })
        };
        Self::from_parts(&format!("`{heading}` of the credentials file"), KEYS, find)
    }

    fn from_parts(
        place: &str,
        [access, secret, token]: [&'static str; 3],
        find: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialsError> {
        let need =
            |name| find(name).ok_or_else(|| CredentialsError::Missing { place: place.to_owned(), name });
        Ok(Self {
            access_key: need(access)?,
            secret_key: Secret::new(need(secret)?),
            session_token: find(token).map(Secret::new),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.access_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# of the shop\n[default]\naws_access_key_id = AKIA1\naws_secret_access_key=s1\n\n[shop]\n  \
                        aws_access_key_id=AKIA2\naws_secret_access_key = s2\naws_session_token = t/2=\n[empty]\n";

    #[test]
    fn files() {
        for (profile, want) in [
            ("default", Ok(("AKIA1", "s1", None))),
            ("shop", Ok(("AKIA2", "s2", Some("t/2=")))),
            ("empty", Err("`[empty]` of the credentials file has no `aws_access_key_id`")),
            ("other", Err("`[other]` of the credentials file has no `aws_access_key_id`")),
        ] {
            let read = Credentials::from_file(FILE, profile);
            let shown = read.as_ref().map_err(ToString::to_string);
            let parts = shown.as_ref().map(|it| {
                (
                    it.access_key.as_str(),
                    it.secret_key.expose(),
                    it.session_token.as_ref().map(Secret::expose),
                )
            });
            assert_eq!(parts.map_err(|error| error.as_str()), want, "{profile}");
        }
    }

    #[test]
    fn the_environment() {
        let env = |name: &str| (name != "AWS_SESSION_TOKEN").then(|| format!("of {name}"));
        let read = Credentials::from_env(env).unwrap();
        assert_eq!(format!("{read:?}"), "Credentials(of AWS_ACCESS_KEY_ID, …)");
        assert!(read.session_token.is_none());
        let error =
            Credentials::from_env(|name| (name == "AWS_ACCESS_KEY_ID").then(|| "x".into())).unwrap_err();
        assert_eq!(error.to_string(), "the environment has no `AWS_SECRET_ACCESS_KEY`");
    }
}
