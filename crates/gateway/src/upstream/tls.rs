//! Verified TLS towards upstreams.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Why an upstream of the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Not a name that a certificate can be checked for.
    #[error("the host of its URL cannot be used")]
    Host,
    /// The provider's key holds a line break or the like.
    #[error("its provider key holds characters that no HTTP header can carry")]
    Key,
    /// No authority to trust.
    #[error(
        "no certificate authority to trust: install the Debian package `ca-certificates`, or name a file with `ca_file`"
    )]
    NoRoots,
    /// The file of authorities cannot be read.
    #[error("reading the certificate authorities in `{path}`: {why}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The TLS library refused its settings.
    #[error("preparing TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Settings by file of authorities (`None` for the system's), so that many bots share one set.
#[derive(Default)]
pub(crate) struct TlsRoots(HashMap<Option<PathBuf>, Arc<ClientConfig>>);

impl TlsRoots {
    fn settings(&mut self, ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, UpstreamError> {
        let place = ca_file.map(Path::to_path_buf);
        if let Some(known) = self.0.get(&place) {
            return Ok(known.clone());
        }
        let roots = match ca_file {
            Some(path) => file_roots(path)?,
            None => system_roots()?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let settings = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let settings = Arc::new(settings);
        self.0.insert(place, settings.clone());
        Ok(settings)
    }
}

/// What connecting to `host` takes.
pub(super) fn client(
    host: &str,
    ca_file: Option<&Path>,
    roots: &mut TlsRoots,
) -> Result<(TlsConnector, ServerName<'static>), UpstreamError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| UpstreamError::Host)?;
    Ok((TlsConnector::from(roots.settings(ca_file)?), name))
}

fn system_roots() -> Result<RootCertStore, UpstreamError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() { Err(UpstreamError::NoRoots) } else { Ok(store) }
}

fn file_roots(path: &Path) -> Result<RootCertStore, UpstreamError> {
    let unreadable = |why: String| UpstreamError::CaFile { path: path.to_owned(), why };
    let pem =
        rustls::pki_types::CertificateDer::pem_file_iter(path).map_err(|e| unreadable(e.to_string()))?;
    let mut store = RootCertStore::empty();
    for certificate in pem {
        let certificate = certificate.map_err(|e| unreadable(e.to_string()))?;
        store.add(certificate).map_err(|e| unreadable(e.to_string()))?;
    }
    if store.is_empty() { Err(unreadable("it holds no certificate".into())) } else { Ok(store) }
}
